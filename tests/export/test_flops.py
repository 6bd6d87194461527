"""The work of a graph, counted."""

import pytest

from glaze_export.flops import flops
from glaze_models import ENCODERS, EncoderCard, encoder_card


@pytest.mark.parametrize("card", ENCODERS.values(), ids=lambda card: card.name)
def test_a_step_is_more_work_than_its_encode(card: EncoderCard) -> None:
    side = card.side or 4 * card.stride
    cells = side // card.stride
    dims = {"height": side, "width": side, "latent_height": cells, "latent_width": cells}
    assert 1.5 < flops(card.step_graph, dims) / flops(card.encode_graph, dims) < 2.5


def test_the_work_of_a_small_encoder_is_that_of_its_convolutions() -> None:
    height, width = 32, 64
    widths, blocks = (32, 64, 96), (1, 2, 2)
    cells = [height * width // 4**level for level in (1, 2, 3)]
    expected = 2 * cells[0] * 3 * widths[0] * 36
    expected += sum(2 * n * 2 * count * w * w * 9 for n, w, count in zip(cells, widths, blocks, strict=True))
    expected += 2 * cells[1] * widths[0] * widths[1] * 16 + 2 * cells[2] * widths[1] * widths[2] * 16
    expected += 2 * cells[2] * widths[2] * 4 * 9
    dims = {"height": height, "width": width}
    assert flops(encoder_card("sd1-b").encode_graph, dims) == expected
