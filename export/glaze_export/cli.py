"""The command line of the export stage: one file a command, put together here."""

import sys

import click

from glaze_export.commands.decoder import decoder
from glaze_export.commands.distil import distil
from glaze_export.commands.encoder import encoder
from glaze_export.commands.network import network
from glaze_export.commands.style_pipeline import style_pipeline
from glaze_export.commands.styles import styles
from glaze_models.errors import GlazeError


@click.group()
def cli() -> None:
    """Makes the graphs that glaze-edge runs. Needs torch: pip install "glaze-edge[export]"."""


cli.add_command(encoder)
cli.add_command(decoder)
cli.add_command(network)
cli.add_command(distil)
cli.add_command(styles)
cli.add_command(style_pipeline)


def main() -> None:
    """Run the command line; an error of ours becomes a message and its exit code."""
    try:
        cli()
    except GlazeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        click.echo(
            f'Error: The package {error.name} is missing. Run: pip install "glaze-edge[export]"', err=True
        )
        sys.exit(1)
