"""Views are linear maps; their adjoints are exact, and the sweep covers the picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from glaze_runtime.optimiser.transforms import blurred, halved
from glaze_runtime.optimiser.views import Filter, Size, Square, resize, resize_matrix

SIDES = st.integers(40, 150)


@settings(max_examples=40, deadline=None)
@given(
    SIDES,
    SIDES,
    st.integers(32, 120),
    st.integers(32, 120),
    st.sampled_from([None, halved, blurred]),
    st.integers(0, 99),
)
def test_adjoint(
    height: int, width: int, to_height: int, to_width: int, filtered: Filter | None, seed: int
) -> None:
    """<view(x), y> = <x, adjoint(y)>"""
    rng = np.random.default_rng(seed)
    size = Size(picture=(height, width), height=to_height, width=to_width, tile=48, stride=8)
    square = Square(picture=(height, width), side=to_height)
    x = rng.normal(size=(height, width, 3)).astype(np.float32)
    for view in (*size.sweep(rng, filtered=filtered), *square.sweep(rng, filtered=filtered)):
        patch = view(x)
        y = rng.normal(size=patch.shape).astype(np.float32)
        back = np.zeros_like(x)
        view.add_adjoint(y, back)
        left, right = float((patch * y).sum()), float((x * back).sum())
        assert left == pytest.approx(
            right, abs=1e-4 * float(np.linalg.norm(patch) * np.linalg.norm(y)) + 1e-6
        )


@pytest.mark.parametrize("shape", [(64, 96), (96, 64), (64, 64)])
def test_a_square_is_the_middle_of_the_picture(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.random((*shape, 3)).astype(np.float32)
    (view,) = Square(picture=shape, side=64).sweep(rng)
    top, left = ((n - 64) // 2 for n in shape)
    np.testing.assert_allclose(view(image), image[top : top + 64, left : left + 64], atol=1e-6)


@given(
    st.integers(32, 300),
    st.integers(32, 300),
    st.tuples(st.integers(0, 7), st.integers(0, 7)),
    st.integers(0, 99),
)
def test_every_patch_is_where_its_cell_says(
    height: int, width: int, shift: tuple[int, int], seed: int
) -> None:
    size = Size(picture=(height, width), height=height, width=width, tile=64, stride=8, shift=shift)
    image = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    for view in size.sweep(np.random.default_rng(seed)):
        rows, columns = (
            slice(first + 8 * c.start, first + 8 * c.stop) for first, c in zip(shift, view.cell, strict=True)
        )
        np.testing.assert_allclose(view(image), image[rows, columns], atol=1e-6)


@given(st.integers(32, 400), st.integers(32, 400))
def test_cover_leaves_no_cell_out(height: int, width: int) -> None:
    size = Size(picture=(height, width), height=height, width=width, tile=64, stride=8)
    seen = np.zeros(size.cells)
    for view in size.cover():
        seen[view.cell] += 1
    assert seen.min() >= 1


@pytest.mark.parametrize(("size", "to"), [(100, 37), (64, 64), (50, 120)])
def test_resize_is_pillows_bicubic(size: int, to: int) -> None:
    line = np.random.default_rng(0).random((size, 1)).astype(np.float32)
    expected = np.asarray(PillowImage.fromarray(line).resize((1, to), PillowImage.Resampling.BICUBIC))
    np.testing.assert_allclose(resize_matrix(size, to) @ line, expected, atol=1e-4)


def test_resize_to_the_same_shape_is_the_same() -> None:
    image = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    assert resize(image, (20, 30)) is image
