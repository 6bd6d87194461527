"""The sana family: as diffusers computes it, and gradients as torch's, with fewer and narrower levels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from glaze_models import encoder_card

torch = pytest.importorskip("torch")

from glaze_export import graphs  # noqa: E402
from glaze_export.encoders.sana import Config, Sana, build  # noqa: E402
from glaze_export.gradient import step_graph  # noqa: E402
from glaze_export.parity import parity  # noqa: E402
from glaze_export.trace import encode_graph  # noqa: E402

SMALL = Config(
    widths=(8, 16, 16, 32), blocks=(1, 1, 1, 1), attends=(False, False, False, True), head=8, channels=8
)
CARD = replace(encoder_card("sana"), stride=8, channels=8, graph="small")


def small() -> Sana:
    """With norms that are not the identity."""
    torch.manual_seed(0)
    module = Sana(SMALL)
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return module.eval().requires_grad_(False)


def test_is_the_encoder_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.AutoencoderDC(
        latent_channels=8,
        attention_head_dim=8,
        encoder_block_types=("ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=SMALL.widths,
        encoder_layers_per_block=SMALL.blocks,
        encoder_qkv_multiscales=((), (), (), (5,)),
        decoder_block_types="ResBlock",
        decoder_block_out_channels=SMALL.widths,
        decoder_layers_per_block=SMALL.blocks,
        decoder_qkv_multiscales=((), (), (), ()),
        downsample_block_type="Conv",
    ).eval()
    module, image = small(), torch.rand(1, 3, 64, 96)
    theirs.encoder.load_state_dict(module.encoder.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(module(image), theirs.encode(2 * image - 1).latent, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_gradient_is_that_of_torch(tmp_path: Path) -> None:
    module, file = small(), tmp_path / "small.step.onnx"
    encode, derived = encode_graph(module, CARD)
    step, more = step_graph(encode)
    file.write_bytes(graphs.to_bytes(graphs.model(step, {**derived, **more})))
    for report in parity(CARD, module, file, [(128, 128), (96, 160)]):
        assert report.gradient_error <= 5e-5
        assert report.sign_agreement >= 0.999


def test_has_the_published_size() -> None:
    with torch.device("meta"):
        module: Any = build(encoder_card("sana"))
    assert module.encoder.down_blocks[5][2].attn.to_out.weight.shape == (1024, 2048)
    assert module.encoder.conv_out.weight.shape == (32, 1024, 3, 3)
