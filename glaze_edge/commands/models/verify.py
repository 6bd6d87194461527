"""`glaze-edge models verify`: are the weights still what was installed or added?"""

import json

import click

from glaze_models import ENCODERS
from glaze_models.errors import ModelError
from glaze_runtime.weights import catalogue
from glaze_runtime.weights.verify import verify as verify_weights


@click.command(epilog="\b\nExamples:\n  glaze-edge models verify\n  glaze-edge models verify my-sd --json")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(context: click.Context, name: str | None, as_json: bool) -> None:
    """Check the weights of NAME, or of all encoders and decoders: the file's sha256, the tensors' shapes and values."""
    bundled = [card.name for card in ENCODERS.values() if card.weights] + catalogue.bundled_decoders()
    found = {each: _problem(each) for each in ([name] if name else [*bundled, *catalogue.installed()])}
    if as_json:
        click.echo(json.dumps([{"name": each, "problem": problem} for each, problem in found.items()]))
    else:
        for each, problem in found.items():
            click.echo(f"{each}: {problem or 'right'}")
    if any(found.values()):
        context.exit(ModelError.exit_code)


def _problem(name: str) -> str | None:
    try:
        verify_weights(name)
    except ModelError as error:
        return str(error)
    return None
