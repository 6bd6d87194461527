"""`glaze-edge-export encoder`: the graphs of encoders, and how well they agree with torch."""

from typing import Any

import click

from glaze_export.commands.graphs import graph_options, work
from glaze_models import ENCODERS


@click.command()
@graph_options
def encoder(ctx: click.Context, **options: Any) -> None:
    """Export the graphs of encoders, without weights, and report how they agree with torch.

    \b
    Examples:
      glaze-edge-export encoder sd1-a
      glaze-edge-export encoder sd1-a sd1-b -o /tmp/graphs --json
      glaze-edge-export encoder --all --check
    """
    work(ctx, "encoder", ENCODERS, **options)
