"""The decoders: each module is the other half of the published class on the same weights, its graphs are right at any
size.

Narrow ones of the same architecture, to be quick; `glaze-edge-export decoder NAME` checks the full width.
"""

from pathlib import Path
from typing import Any

import pytest
from modules import seeded

from glaze_export import graphs
from glaze_export.gradient import step_graph
from glaze_export.parity import parity
from glaze_export.trace import decode_graph
from glaze_models import DECODERS, DecoderCard

torch = pytest.importorskip("torch")
from glaze_export.decoders import FAMILIES  # noqa: E402
from glaze_export.decoders.autoencoder_kl import AutoencoderKL  # noqa: E402

WIDTHS = (32, 64, 64, 96)
QUANT = {"sd1": True, "sd3": False, "flux1": False, "flux2": True}
TINY = ("taesd", "taesd3", "taef2")


def narrow(name: str) -> Any:
    return seeded(lambda: AutoencoderKL(DECODERS[name].channels, quant=QUANT[name], widths=WIDTHS))


@pytest.mark.parametrize("name", QUANT)
def test_an_autoencoder_is_that_of_diffusers(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    module, card = narrow(name), DECODERS[name]
    kind = diffusers.AutoencoderKLFlux2 if name == "flux2" else diffusers.AutoencoderKL
    published = kind(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=WIDTHS,
        layers_per_block=2,
        latent_channels=card.channels,
        use_quant_conv=QUANT[name],
        use_post_quant_conv=QUANT[name],
    ).eval()
    ours = {key for key in published.state_dict() if key.startswith(("decoder.", "post_quant_conv."))}
    assert module.state_dict().keys() == ours
    published.load_state_dict(module.state_dict(), strict=False)
    latent = torch.randn(1, card.channels, 8, 12)
    with torch.no_grad():
        expected = published.decode(latent).sample / 2 + 0.5
    torch.testing.assert_close(module(latent), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["taesd", "taesd3"])
def test_a_tiny_one_is_that_of_diffusers(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    card = DECODERS[name]
    published = diffusers.AutoencoderTiny(latent_channels=card.channels).eval()
    module = FAMILIES[card.family](card).eval()
    state = {key: tensor for key, tensor in published.state_dict().items() if key.startswith("decoder.")}
    module.load_state_dict(state)
    latent = 2 * torch.randn(1, card.channels, 8, 12)
    with torch.no_grad():
        expected = published.decode(latent).sample / 2 + 0.5
        torch.testing.assert_close(module(latent), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [pytest.param("sd1", marks=pytest.mark.slow), pytest.param("sd3", marks=pytest.mark.slow), *TINY],
)
def test_its_gradient_is_that_of_torch(name: str, tmp_path: Path) -> None:
    card = DECODERS[name]
    module = narrow(name) if name in QUANT else seeded(lambda: FAMILIES[card.family](card))
    decode, derived = decode_graph(module, card)
    step, more = step_graph(decode)
    file = tmp_path / card.step_graph.name
    file.write_bytes(graphs.to_bytes(graphs.model(step, {**derived, **more})))
    for report in parity(card, module, file, [(64, 96), (136, 72)]):
        assert report.loss_error <= 1e-5
        # A rectifier at its kink may go either way, so single entries of the tiny ones differ.
        assert report.gradient_error <= (1e-5 if name in QUANT else 5e-3)
        assert report.sign_agreement >= 0.999


@pytest.mark.parametrize("card", DECODERS.values(), ids=DECODERS)
def test_a_card_is_of_its_family(card: DecoderCard) -> None:
    with torch.device("meta"):
        image = FAMILIES[card.family](card)(torch.zeros(1, card.channels, 2, 3))
    assert image.shape == (1, 3, 2 * card.stride, 3 * card.stride)
