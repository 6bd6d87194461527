"""`glaze-edge models add`: an encoder from the artist's own checkpoint, or from its publisher."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from glaze_edge import __version__
from glaze_edge.files.paths import found
from glaze_edge.generators import every_choice
from glaze_models import Source
from glaze_models.errors import OptionError, WeightsError
from glaze_runtime.weights import catalogue, store
from glaze_runtime.weights.download import download, forget
from glaze_runtime.weights.recognise import is_decoder
from glaze_runtime.weights.sources import open_checkpoint
from glaze_runtime.weights.store import add_decoder

OnBytes = Callable[[int, int], None]


@click.command(
    epilog="""\b
Examples:
  glaze-edge models add --from ComfyUI/models/checkpoints/sd_xl_base_1.0.safetensors
  glaze-edge models add my-sd --from stable-diffusion-v1-5/
  glaze-edge models add --from taef2_decoder.safetensors
  glaze-edge models add taesd --download"""
)
@click.argument("name", required=False)
@click.option(
    "--from",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE_OR_FOLDER",
    help="A .safetensors checkpoint or VAE, or a diffusers folder.",
)
@click.option("--download", "fetch", is_flag=True, help="Download the weights of NAME from their publisher.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str | None, path: Path | None, fetch: bool, as_json: bool) -> None:
    """Add an encoder, to protect against the very checkpoint you worry about.

    NAME is one that `glaze-edge models` lists, or a new name of your own. Without it, the encoder is recognised by its
    tensors. Only the encoder, and the decoder if there is one, are copied into your data folder; you can delete the
    checkpoint afterwards. A file that holds only a decoder is added to its encoder; NAME can say which.
    """
    if (path is None) != fetch:
        raise OptionError("Say where the weights are: either --from FILE_OR_FOLDER or --download.")
    checkpoint = open_checkpoint(path) if path is not None and found(path) == "file" else None
    if checkpoint is not None and is_decoder(checkpoint):
        manifest = add_decoder(checkpoint, name)
        if as_json:
            click.echo(json.dumps(asdict(manifest) | {"notice": ""}))
        else:
            click.echo(f"Added the decoder of {manifest.name}: {_megabytes(manifest.decoder_bytes)}.")
        return
    if path is None:
        manifest, notice = _download(name)
    else:
        with _bar(f"Reading {path.name}") as on_bytes:
            manifest, notice = store.add(checkpoint or path, name, version=__version__, on_bytes=on_bytes)
    if as_json:
        click.echo(json.dumps(asdict(manifest) | {"notice": notice}))
        return
    card = catalogue.find_encoder(manifest.name)
    what = "a small stand-in for the encoder" if card.stand_in else "an encoder"
    decoder = f", with its decoder, {_megabytes(manifest.decoder_bytes)}" if manifest.decoder else ""
    click.echo(
        f"Added {manifest.name}, {what} of {', '.join(card.stands_for)}: {_megabytes(manifest.bytes)}{decoder}."
    )
    if notice:
        click.echo(notice)
    users = [name for name, choice in every_choice().items() if choice and manifest.name in choice.names]
    option = f"--generator {users[0]}" if users else f"--encoder {manifest.name}"
    click.echo(f"Use it: glaze-edge glaze PICTURE {option}")


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:.1f} MB"


def _download(name: str | None) -> tuple[catalogue.Manifest, str]:
    source = _source(name)
    assert name is not None
    part = catalogue.data_folder() / "downloads" / name / Path(urlsplit(source.url).path).name
    with _bar(f"Fetching {part.name}") as on_bytes:
        download(source, part, on_bytes)
    try:
        result = store.add(part, name, version=__version__, url=source.url)
    except WeightsError:
        forget(part)
        raise
    forget(part)
    part.parent.rmdir()
    return result


def _source(name: str | None) -> Source:
    if name is None:
        raise OptionError("--download needs the NAME of an encoder. `glaze-edge models` lists them.")
    store.require_free(name)
    source = catalogue.find_encoder(name).source
    if source is None:
        raise OptionError(
            f"There is no address to download {name} from without an account. "
            f"`glaze-edge models info {name}` says where it is published; get it there, then use --from FILE."
        )
    return source


@contextmanager
def _bar(what: str) -> Iterator[OnBytes]:
    """A bar for people, on standard error; gives what is to be told how many bytes are done, of how many."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole or None)
