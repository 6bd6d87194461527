"""`glaze-edge app`: the same for people who do not use terminals."""

from pathlib import Path

import click

from glaze_models.errors import OptionError


@click.command(epilog="\b\nExamples:\n  glaze-edge app\n  glaze-edge app portrait.png comic.jpg")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
@click.option("--no-open", is_flag=True, help="Only print the address; open neither window nor browser.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="To listen on.  [default: a free one]")
def app(pictures: tuple[Path, ...], no_open: bool, port: int) -> None:
    """Glaze in a page: in a window of its own where pywebview is installed, else in the browser.

    Prints the page's address. Everything stays on this computer: only this computer can reach the page, and only with
    that address. Ctrl-C ends it. Where it runs already, that one is brought up.
    """
    try:
        from glaze_edge.app.launch import launch
    except ModuleNotFoundError as error:
        raise OptionError(
            f"The app needs the package {error.name}. Install it: pip install 'glaze-edge[app]'"
        ) from error
    launch([path.absolute() for path in pictures], port=port, show=not no_open, say=click.echo)
