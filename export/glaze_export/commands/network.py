"""`glaze-edge-export network`: the graphs of the networks that are no autoencoders."""

from pathlib import Path

import click

from glaze_export.commands.graphs import state_of
from glaze_models.learned_step import LEARNED_STEP, LearnedStepCard
from glaze_models.perceptual import PERCEPTUALS, PerceptualCard

NETWORKS: dict[str, LearnedStepCard | PerceptualCard] = {
    LEARNED_STEP.name: LEARNED_STEP,
    **PERCEPTUALS,
}


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice(list(NETWORKS)))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the graphs.  [default: that of glaze_models]",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 if a file is not what would be written."
)
@click.pass_context
def network(ctx: click.Context, names: tuple[str, ...], output: Path | None, check: bool) -> None:
    """Export the graphs, without weights, of the learned step and of LPIPS.

    \b
    Examples:
      glaze-edge-export network learned-step
      glaze-edge-export network lpips-alex lpips-vgg --check
    """
    from glaze_export.learned_step import export_learned_step
    from glaze_export.lpips import export_lpips

    differs = False
    for card in (NETWORKS[name] for name in names):
        data = export_learned_step(card) if isinstance(card, LearnedStepCard) else export_lpips(card)
        file = (output or card.graph.parent) / card.graph.name
        if check:
            state = state_of(file, data)
            differs |= state != "same"
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            state = f"{len(data)} bytes"
        click.echo(f"{file}: {state}")
    if differs:
        ctx.exit(1)
