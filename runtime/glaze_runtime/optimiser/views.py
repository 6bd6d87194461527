"""Views: how a trainer sees the picture, as linear maps with their adjoints.

A view resizes the picture, cuts a tile out of it and may filter it (half size and back, a blur); rows and columns are
independent, so it is a pair of banded matrices over the rectangle of the picture that the tile depends on: `patch = R ·
x · Cᵀ`. Its adjoint is `Rᵀ · g · C`, exact by construction. A sweep is the set of views that covers the picture once at
one size.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from glaze_runtime.arrays import Image, Plane

Matrix = NDArray[np.float32]
Filter = Callable[[int], Matrix]
"""Number of samples of an axis -> a matrix [n, n] for them."""


BAND = 64
"""Rows of a matrix that are multiplied at once: each depends on a few neighbouring samples only."""


class Axis:
    """One axis of a view: a matrix [n, stop − start] that maps picture samples start..stop to n patch samples, kept in
    bands."""

    def __init__(self, matrix: Matrix) -> None:
        """Of a matrix [n, samples of the whole picture]."""
        self.length = len(matrix)
        self.start, self.stop = _used(matrix)
        used = matrix[:, self.start : self.stop]
        self.plain = used.shape[0] == used.shape[1] and np.array_equal(used, np.eye(self.length))
        self._bands = []
        for top in range(0, self.length, BAND):
            rows = matrix[top : top + BAND]
            first, last = _used(rows)
            part = np.ascontiguousarray(rows[:, first:last])
            self._bands.append(
                (slice(top, top + len(rows)), slice(first - self.start, last - self.start), part)
            )

    def __call__(self, plane: Plane) -> Plane:
        """[stop − start, m] -> [n, m]"""
        out = np.empty((self.length, plane.shape[1]), np.float32)
        for rows, samples, matrix in self._bands:
            np.matmul(matrix, plane[samples], out=out[rows])
        return out

    def adjoint(self, plane: Plane) -> Plane:
        """[n, m] -> [stop − start, m]"""
        out = np.zeros((self.stop - self.start, plane.shape[1]), np.float32)
        for rows, samples, matrix in self._bands:
            out[samples] += matrix.T @ plane[rows]
        return out


def _used(matrix: Matrix) -> tuple[int, int]:
    """The first column that counts, and the one after the last."""
    (used,) = np.nonzero(np.abs(matrix).max(0) > 1e-7)
    return int(used[0]), int(used[-1]) + 1


@dataclass(frozen=True, kw_only=True)
class View:
    """A linear map from a picture [H,W,3] to a patch [h,w,3]; `cell` is the patch's place in the latent of the whole
    size."""

    rows: Axis
    columns: Axis
    cell: tuple[slice, slice]

    @property
    def plain(self) -> bool:
        """It only cuts."""
        return self.rows.plain and self.columns.plain

    def __call__(self, image: Image) -> Image:
        """The patch [h,w,3] of `image` [H,W,3]."""
        part = image[self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]
        if self.plain:
            return part
        return _apply(self.rows, self.columns, part)

    def add_adjoint(self, patch: Image, total: Image) -> None:
        """Add the adjoint of this view at `patch` [h,w,3] to `total` [H,W,3], in place."""
        part = total[self.rows.start : self.rows.stop, self.columns.start : self.columns.stop]
        if self.plain:
            part += patch
        else:
            part += _apply(self.rows.adjoint, self.columns.adjoint, patch)


def _apply(rows: Callable[[Plane], Plane], columns: Callable[[Plane], Plane], image: Image) -> Image:
    """rows · image · columnsᵀ, a channel at a time."""
    planes = [columns(rows(np.ascontiguousarray(image[:, :, c])).T).T for c in range(image.shape[2])]
    return np.stack(planes, axis=-1)


@lru_cache(maxsize=64)
def resize_matrix(size: int, to: int) -> Matrix:
    """[to, size]: antialiased bicubic resampling (Keys, a = −0.5), as Pillow's BICUBIC does it; every row sums to 1."""
    scale = max(size / to, 1.0)
    centre = (np.arange(to)[:, None] + 0.5) * (size / to) - 0.5
    t = np.abs(np.arange(size)[None] - centre) / scale
    weights = np.where(
        t < 1, (1.5 * t - 2.5) * t * t + 1, np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0)
    )
    matrix: Matrix = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return matrix


def resize(image: Image, shape: tuple[int, int]) -> Image:
    """`image` [H,W,C] at another height and width; itself where they are the same."""
    if image.shape[:2] == shape:
        return image
    rows, columns = (_axis(size, to, 0, to, None) for size, to in zip(image.shape, shape, strict=False))
    return _apply(rows, columns, image)


@lru_cache(maxsize=64)
def _axis(size: int, to: int, offset: int, length: int, filtered: Filter | None) -> Axis:
    matrix = resize_matrix(size, to)
    if filtered is None:
        return Axis(matrix[offset : offset + length])
    return Axis(filtered(to)[offset : offset + length] @ matrix)


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size at which the picture is looked at: `height` and `width` after the resize, cut into tiles of at most
    `tile`.

    Latent cells begin `shift` pixels from the top and the left, a stride at most.
    """

    picture: tuple[int, int]
    height: int
    width: int
    tile: int
    stride: int
    shift: tuple[int, int] = (0, 0)

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the whole latent; what is left over at the edges is not looked at."""
        (down, right), s = self.shift, self.stride
        return (self.height - down) // s, (self.width - right) // s

    def moved(self, by: tuple[float, float]) -> "Size":
        """The same size with its latent cells so many strides, 0 to 1, farther down and right, and a pixel.

        No shift is 0, so that all have as many cells.
        """
        down, right = (1 + int(part * self.stride) for part in by)
        return replace(self, shift=(down, right))

    def at(self, cell: tuple[slice, slice]) -> View:
        """The view of the latent cells `cell`, without a filter."""
        rows, columns = cell
        return self.view(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)

    def sweep(self, rng: np.random.Generator, *, filtered: Filter | None = None) -> Iterator[View]:
        """Views that cover the picture about once, their tiles at a random offset; one view where the tile is large
        enough.

        Args:
            filtered: what is applied to the whole picture after the resize.
        """
        down, right = (self._shift(n, rng) for n in self.cells)
        return self._views(down, right, filtered=filtered)

    def cover(self) -> Iterator[View]:
        """Views that cover the whole picture, in a fixed grid; the last ones overlap their neighbours."""
        return self._views(0, 0, filtered=None)

    def view(self, top: int, left: int, tall: int, wide: int, *, filtered: Filter | None = None) -> View:
        """The view of the latent cells top..top+tall, left..left+wide."""
        (down, right), s = self.shift, self.stride
        return View(
            rows=_axis(self.picture[0], self.height, down + top * s, tall * s, filtered),
            columns=_axis(self.picture[1], self.width, right + left * s, wide * s, filtered),
            cell=(slice(top, top + tall), slice(left, left + wide)),
        )

    def _views(self, down: int, right: int, *, filtered: Filter | None) -> Iterator[View]:
        for top, tall in self._grid(self.cells[0], down):
            for left, wide in self._grid(self.cells[1], right):
                yield self.view(top, left, tall, wide, filtered=filtered)

    def _grid(self, cells: int, shift: int) -> list[tuple[int, int]]:
        """(first cell, number of cells) of the tiles along one axis."""
        most = min(cells, self.tile // self.stride)
        count = -(-cells // most)
        return [(min(max(shift + k * most, 0), cells - most), most) for k in range(count)]

    def _shift(self, cells: int, rng: np.random.Generator) -> int:
        half = self.tile // self.stride // 2
        return int(rng.integers(-half, half + 1)) if cells > 2 * half else 0


@dataclass(frozen=True, kw_only=True)
class Square:
    """The middle square of the picture at one size, all that an encoder with a fixed `side` sees: a latent of one
    cell."""

    picture: tuple[int, int]
    side: int

    cells = (1, 1)

    def moved(self, by: tuple[float, float]) -> "Square":
        """The same: the one cell is the whole square."""
        return self

    def sweep(self, rng: np.random.Generator, *, filtered: Filter | None = None) -> Iterator[View]:
        """The one view."""
        yield View(
            rows=self._middle(self.picture[0], filtered),
            columns=self._middle(self.picture[1], filtered),
            cell=(slice(0, 1), slice(0, 1)),
        )

    def cover(self) -> Iterator[View]:
        """The one view."""
        return self.sweep(np.random.default_rng())

    def _middle(self, size: int, filtered: Filter | None) -> Axis:
        to = max(self.side, round(size * self.side / min(self.picture)))
        return _axis(size, to, (to - self.side) // 2, self.side, filtered)
