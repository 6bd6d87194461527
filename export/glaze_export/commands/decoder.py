"""`glaze-edge-export decoder`: the graphs of decoders, and how well they agree with torch."""

from typing import Any

import click

from glaze_export.commands.graphs import graph_options, work
from glaze_models import DECODERS


@click.command()
@graph_options
def decoder(ctx: click.Context, **options: Any) -> None:
    """Export the graphs of decoders, without weights, and report how they agree with torch.

    \b
    Examples:
      glaze-edge-export decoder sd1-small
      glaze-edge-export decoder --all --check
    """
    work(ctx, "decoder", DECODERS, **options)
