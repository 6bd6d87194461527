"""The command line: one file a command, put together here. Exit codes are those of `glaze_models.errors`; 130 is
Ctrl-C."""

import os
import sys
from importlib import import_module

import click

from glaze_edge import __version__
from glaze_edge.commands.remedies import command
from glaze_models.errors import GlazeError

COMMANDS = {
    "glaze": "Glaze PICTURES.",
    "app": "Open the app: in its own window where pywebview is installed, otherwise in the browser.",
    "audit": "Measure how visible the glaze on GLAZED is, and how well it survives edits and attacks.",
    "styles": "List the built-in styles.",
    "models": "List the generators and the encoders that stand for them, then all encoders: bundled, added, or to be added.",
    "devices": "List the devices that were found, whether they passed the self-test, and how fast they are.",
    "show": "Make a sheet of ORIGINAL, GLAZED and their difference, amplified eight times around grey, at 100 %.",
}
"""Name, in `glaze_edge.commands`, and what it does. A command is loaded when it is called: `--help` needs no
networks."""


class Commands(click.Group):
    """The group of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"glaze_edge.commands.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="glaze-edge")
def cli() -> None:
    """Protects pictures against style mimicry, offline.

    Exit codes: 0 all done; 1 a picture failed; 2 an option is wrong; 3 the device; 4 a model; 5 the app; 130
    interrupted.
    """


def main() -> None:
    """Run the command line; an error of ours becomes one line and its exit code."""
    # Read when numpy is loaded: its small products are no faster with threads, and threads that spin after each take
    # the processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except GlazeError as error:
        click.echo(f"Error: {error}", err=True)
        if error.remedy:
            click.echo(command(error.remedy), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Finished files are kept; nothing was left half-written.", err=True)
        sys.exit(130)
