"""`glaze-edge app`: the same for people who do not use terminals."""

from pathlib import Path

import click

from glaze_models.errors import OptionError


@click.command(epilog="\b\nExamples:\n  glaze-edge app\n  glaze-edge app portrait.png comic.jpg")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
@click.option("--no-open", is_flag=True, help="Only print the address; open no window and no browser.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on.  [default: a free one]"
)
def app(pictures: tuple[Path, ...], no_open: bool, port: int) -> None:
    """Open the app: in its own window where pywebview is installed, otherwise in the browser.

    Prints the address of the page. Everything stays on this computer: nothing else can reach the page, and its address
    contains a random token, new at each launch. Press Ctrl-C to quit. If the app is already running, it is brought to
    the front.
    """
    try:
        from glaze_edge.app.launch import launch
    except ModuleNotFoundError as error:
        raise OptionError(
            f"The app needs the package {error.name}. Install it: pip install 'glaze-edge[app]'"
        ) from error
    launch([path.absolute() for path in pictures], port=port, show=not no_open, say=click.echo)
