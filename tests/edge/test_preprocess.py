"""What a trainer sees, and how far it is from a target."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from glaze_edge.files import read_picture
from glaze_edge.preprocess import as_trained, control, shown, way_covered


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((64, 64), (64, 64)),
        ((200, 100), (64, 192)),
        ((512, 512), (512, 512)),
        ((1024, 700), (320, 512)),
        ((3000, 70), (64, 512)),
    ],
    ids=str,
)
def test_sides_are_512_at_most_and_multiples_of_64(size: tuple[int, int], seen: tuple[int, int]) -> None:
    image = as_trained(Image.new("RGB", size, (51, 102, 255)))
    assert image.shape == (*seen, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(
        image, np.broadcast_to(np.array([0.2, 0.4, 1], np.float32), image.shape), atol=1e-6
    )


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_lies_over_grey(tmp_path, depth: int) -> None:
    path = tmp_path / "alpha.png"
    samples = np.zeros((64, 64, 2), np.uint8)
    samples[..., 0], samples[:32, :, 1], samples[32:, :, 1] = 200, 255, 51
    if depth == 8:
        Image.fromarray(samples, "LA").save(path)
    else:
        path = path.with_suffix(".tiff")
        deep = np.repeat(samples, [3, 1], axis=2).astype(np.uint16) * 257
        tifffile.imwrite(path, deep, photometric="rgb", extrasamples=["unassalpha"])
    seen = np.asarray(shown(read_picture(path)))
    assert seen.shape == (64, 64, 3)
    assert (seen[:32] == 200).all()
    assert np.abs(seen[32:] - (0.2 * 200 + 0.8 * 128)).max() <= 1


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_the_control_is_as_strong(seed: int) -> None:
    rng = np.random.default_rng(seed)
    original = np.full((32, 64, 3), 0.5, np.float32)
    change = rng.normal(0, 0.05, original.shape).astype(np.float32)
    noise = control(original, original + change) - original
    assert np.sort(np.abs(noise), axis=None) == pytest.approx(np.sort(np.abs(change), axis=None), abs=1e-6)
    assert np.abs(noise - change).max() > 0.01
    again = control(original, original + change) - original
    assert np.array_equal(noise, again)


def test_the_way_covered() -> None:
    start, end = np.zeros((1, 4, 2, 2), np.float32), np.ones((1, 4, 2, 2), np.float32)
    assert [way_covered(share * end, start, end) for share in (0, 0.5, 1, 2)] == [0, 0.75, 1, 0]
    assert way_covered(-end, start, end) == -3
    assert way_covered(start, start, start) == 1
