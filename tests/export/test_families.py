"""The families: each module is the published class on the same weights, and its graphs are right at any size.

Narrow ones of the same architecture, to be quick; `glaze-edge-export encoder NAME` checks the full width.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from modules import seeded

from glaze_export import graphs
from glaze_export.encoders import FAMILIES
from glaze_export.encoders.autoencoder_kl import AutoencoderKL
from glaze_export.encoders.clip_vision import ClipVision, Config, quick_gelu
from glaze_export.export import build_module
from glaze_export.gradient import step_graph
from glaze_export.parity import parity
from glaze_export.trace import encode_graph
from glaze_models import ENCODERS, EncoderCard, encoder_card

torch = pytest.importorskip("torch")

WIDTHS = (32, 64, 64, 96)
TOWERS = {
    "clip-l": Config(width=64, depth=2, heads=4, inner=96, patch=14, activation=quick_gelu),
    "clip-h": Config(width=80, depth=2, heads=4, inner=96, patch=14, activation=torch.nn.functional.gelu),
}
AUTOENCODERS = [name for name, card in ENCODERS.items() if card.family == "autoencoder-kl"]


def autoencoder(name: str) -> AutoencoderKL:
    return AutoencoderKL(encoder_card(name).channels, quant=encoder_card(name).quant, widths=WIDTHS)


def tower(name: str) -> ClipVision:
    return ClipVision(TOWERS[name], channels=24, side=56)


SMALL: dict[str, tuple[EncoderCard, Callable[[], Any]]] = {
    **{name: (encoder_card(name), partial(autoencoder, name)) for name in AUTOENCODERS},
    **{
        name: (
            replace(encoder_card(name), side=56, stride=56, channels=24),
            partial(tower, name),
        )
        for name in TOWERS
    },
}


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_an_autoencoder_is_that_of_diffusers(name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    module, channels = seeded(lambda: autoencoder(name)), encoder_card(name).channels
    kind = diffusers.AutoencoderKLFlux2 if name == "flux2" else diffusers.AutoencoderKL
    published = kind(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=WIDTHS,
        layers_per_block=2,
        latent_channels=channels,
        use_quant_conv=encoder_card(name).quant,
    ).eval()
    state = published.state_dict()
    ours = {key for key in state if key.startswith(("encoder.", "quant_conv."))}
    assert module.state_dict().keys() == ours
    published.load_state_dict(module.state_dict(), strict=False)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        expected = published.encode(2 * image - 1).latent_dist.mode()
    torch.testing.assert_close(module(image), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TOWERS)
def test_a_tower_is_that_of_transformers(name: str) -> None:
    transformers = pytest.importorskip("transformers")
    config, module = TOWERS[name], seeded(lambda: tower(name))
    published = transformers.CLIPVisionModelWithProjection(
        transformers.CLIPVisionConfig(
            hidden_size=config.width,
            intermediate_size=config.inner,
            projection_dim=24,
            num_hidden_layers=config.depth,
            num_attention_heads=config.heads,
            image_size=56,
            patch_size=config.patch,
            hidden_act={"clip-l": "quick_gelu", "clip-h": "gelu"}[name],
        )
    ).eval()
    published.load_state_dict(module.state_dict())
    processor = transformers.CLIPImageProcessor(do_resize=False, do_center_crop=False, do_rescale=False)
    image = torch.rand(1, 3, 56, 56)
    pixels = processor(
        image[0].permute(1, 2, 0).numpy(), return_tensors="pt", input_data_format="channels_last"
    )
    with torch.no_grad():
        expected = published(**pixels).image_embeds
    torch.testing.assert_close(module(image)[:, :, 0, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "clip-h" else pytest.mark.slow) for name in SMALL],
)
def test_its_gradient_is_that_of_torch(name: str, tmp_path: Path) -> None:
    card, build = SMALL[name]
    module = seeded(build)
    encode, derived = encode_graph(module, card)
    step, more = step_graph(encode)
    file = tmp_path / card.step_graph.name
    file.write_bytes(graphs.to_bytes(graphs.model(step, {**derived, **more})))
    for report in parity(card, module, file, [(64, 96), (136, 72)]):
        assert report.loss_error <= 1e-5
        assert report.gradient_error <= 1e-5
        assert report.sign_agreement >= 0.9999


@pytest.mark.parametrize("card", [c for c in ENCODERS.values() if not c.weights], ids=lambda card: card.name)
def test_a_card_without_weights_is_of_its_family(card: EncoderCard) -> None:
    with torch.device("meta"):
        module = FAMILIES[card.family](card)
        latent = module(torch.zeros(1, 3, card.side or 2 * card.stride, card.stride))
    assert latent.shape == (1, card.channels, 1 if card.side else 2, 1)


def test_random_weights_are_always_the_same() -> None:
    first, second = (build_module(encoder_card("sd3")).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
