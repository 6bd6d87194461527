"""The command line: one file a command, put together here. Exit codes are those of `glaze_models.errors`; 130 is Ctrl-C."""

import sys

import click

from glaze_edge import __version__
from glaze_edge.commands.app import app
from glaze_edge.commands.audit import audit
from glaze_edge.commands.devices import devices
from glaze_edge.commands.glaze import glaze
from glaze_edge.commands.models import models
from glaze_edge.commands.show import show
from glaze_edge.commands.styles import styles
from glaze_models.errors import GlazeError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="glaze-edge")
def cli() -> None:
    """Protects pictures against style mimicry, offline.

    Exit codes: 0 all done; 1 a picture failed; 2 an option is wrong; 3 the device; 4 a model; 5 the app; 130 interrupted.
    """


for command in (glaze, app, audit, styles, models, devices, show):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error of ours becomes one line and its exit code."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except GlazeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Finished files are kept; nothing was left half-written.", err=True)
        sys.exit(130)
