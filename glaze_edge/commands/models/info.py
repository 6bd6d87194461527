"""`glaze-edge models info`: all that is known of one encoder."""

import json
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from glaze_models import DecoderCard, EncoderCard
from glaze_runtime.weights.catalogue import find_decoder, find_encoder, installed, read_manifest


@click.command(epilog="\b\nExample:\n  glaze-edge models info sd1-a --json")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(name: str, as_json: bool) -> None:
    """Show what is known about the encoder NAME: what it stands for, and where its weights come from."""
    card = find_encoder(name)
    manifest = asdict(read_manifest(name)) if name in installed() else None
    decoder = find_decoder(card)
    if as_json:
        whole = asdict(card) | {"decoder": asdict(decoder) if decoder else None, "added": manifest}
        click.echo(json.dumps(whole, default=str))
        return
    table = Table("", Column(name, overflow="fold"))
    for what, value in _lines(card, decoder, manifest):
        table.add_row(what, value)
    Console().print(table)


def _lines(
    card: EncoderCard, decoder: DecoderCard | None, manifest: dict[str, Any] | None
) -> list[tuple[str, str]]:
    lines = [
        ("stands for", ", ".join(card.stands_for)),
        ("family", card.family),
        ("latent", f"{card.channels} channels, 1/{card.stride} of the picture's size, scale {card.scale:g}"),
        ("licence", card.licence),
        ("provenance", card.provenance),
    ]
    if card.weights:
        lines += [
            ("weights", f"{card.weights.path}, {card.weights.bytes / 1e6:.1f} MB"),
            ("sha256", card.weights.sha256),
        ]
    elif card.source:
        lines.append(("to be added", f"glaze-edge models add {card.name} --download, or --from FILE"))
        lines.append(("published at", card.source.url))
    else:
        lines.append(("to be added", f"glaze-edge models add {card.name} --from FILE"))
    if manifest:
        lines += [
            ("added", f"{manifest['date']}, by glaze-edge {manifest['version']}"),
            ("from", manifest["url"] or manifest["source"]),
            ("layout", f"{manifest['layout']}, kept as {manifest['dtype']}"),
            ("source's sha256", manifest["source_sha256"]),
        ]
    if decoder and decoder.weights:
        whose = f"its own, from {manifest['decoder']}" if manifest and manifest["decoder"] else decoder.name
        lines.append(("decoder", f"{whose}, {decoder.weights.bytes / 1e6:.1f} MB. {decoder.caveat}".strip()))
    if card.caveat:
        lines.append(("mind", card.caveat))
    return lines
