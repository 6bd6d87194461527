"""`glaze-edge styles`: the bank, and where a picture lies in it."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from glaze_edge.files import check_destination, read_picture
from glaze_edge.files.atomic import writing
from glaze_edge.sheet import sheet
from glaze_models.styles import style_bank
from glaze_runtime.optimiser.views import resize
from glaze_runtime.stylise import LiteStylist, draw_style, far_styles, rank_styles

TILE = 256


@click.command(epilog="\b\nExamples:\n  glaze-edge styles\n  glaze-edge styles portrait.png -o styles.png")
@click.argument("picture", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write the contact sheet.  [default: PICTURE-styles.png beside PICTURE]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The seed that `auto` draws with.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def styles(picture: Path | None, output: Path | None, seed: int, overwrite: bool, as_json: bool) -> None:
    """List the built-in styles.

    With a PICTURE: how far each style is from it, which one `auto` draws, and a contact sheet of the picture in all.
    """
    if picture is None:
        names = list(style_bank())
        click.echo(json.dumps(names) if as_json else "\n".join(names))
        return
    image = read_picture(picture).image
    output = output or picture.with_name(f"{picture.stem}-styles.png")
    check_destination(picture, output, overwrite=overwrite)
    stylist = LiteStylist()
    ranking = rank_styles([stylist.embed(image)], style_bank())
    drawn = draw_style(ranking, seed).name
    band = {style.name for style in far_styles(ranking)}
    scale = TILE / min(image.shape[:2])
    small = resize(image, (round(image.shape[0] * scale), round(image.shape[1] * scale)))
    tiles = [(picture.name, small)] + [(f"{s.name}  {d:.1f}", stylist.stylise(small, s)) for s, d in ranking]
    with writing(output) as file:
        sheet(tiles, columns=6).save(file, "PNG")
    if as_json:
        rows = [{"style": s.name, "distance": round(d, 3), "in_band": s.name in band} for s, d in ranking]
        click.echo(json.dumps({"picture": str(picture), "auto": drawn, "styles": rows, "sheet": str(output)}))
        return
    table = Table("style", "distance", "auto draws from", title=f"Styles, from the nearest to {picture.name}")
    for style, distance in ranking:
        note = "drawn" if style.name == drawn else "yes" if style.name in band else ""
        table.add_row(style.name, f"{distance:.2f}", note)
    Console().print(table)
    click.echo(output)
