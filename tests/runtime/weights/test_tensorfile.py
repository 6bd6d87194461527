"""`.safetensors` files: what the package `safetensors` writes is read, and the other way round; damage is told."""

import io
import json
import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, load_file, save, save_file

from glaze_models.errors import WeightsError
from glaze_runtime.weights.tensorfile import Entry, read_header, read_tensor, write_tensors

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda n: n != "__metadata__")
tensors = arrays.arrays(
    st.sampled_from([np.float16, np.float32]),
    arrays.array_shapes(min_dims=0, min_side=0, max_side=3),
    elements=st.floats(-1e3, 1e3, width=16),
)
files = st.dictionaries(names, tensors, max_size=4)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


def read_all(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        return {name: read_tensor(file, entry) for name, entry in read_header(path).items()}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)


@given(made=files)
@in_one_folder
def test_reads_what_safetensors_writes(tmp_path: Path, made: dict[str, np.ndarray]) -> None:
    save_file(made, tmp_path / "a", metadata={"format": "pt"})
    assert_same(read_all(tmp_path / "a"), made)


@given(made=files)
@in_one_folder
def test_safetensors_reads_what_is_written(made: dict[str, np.ndarray]) -> None:
    kinds = {np.dtype(np.float16): "F16", np.dtype(np.float32): "F32"}
    entries = {
        name: Entry(name=name, dtype=kinds[tensor.dtype], shape=tensor.shape, start=0, stop=0)
        for name, tensor in made.items()
    }
    file = io.BytesIO()
    write_tensors(file, entries, made.__getitem__)
    assert_same(load(file.getvalue()), made)


@given(made=files, data=st.data())
@in_one_folder
def test_a_file_that_is_cut_off_is_refused(
    tmp_path: Path, made: dict[str, np.ndarray], data: st.DataObject
) -> None:
    whole = save(made)
    (tmp_path / "a").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(WeightsError, match=r"no safetensors file: .* Get the file again"):
        read_header(tmp_path / "a")


@given(made=files, data=st.data())
@in_one_folder
def test_a_damaged_header_is_refused_or_harmless(
    tmp_path: Path, made: dict[str, np.ndarray], data: st.DataObject
) -> None:
    damaged = bytearray(save(made))
    header = 8 + int.from_bytes(damaged[:8], "little")
    damaged[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(damaged)
    with suppress(WeightsError):
        read_all(tmp_path / "a")


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    numbers = np.array([0, 1, -2.5, 3.140625, 1e38, np.inf], np.float32)
    upper = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}).encode()
    (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + upper.tobytes())
    found = read_all(tmp_path / "a")["x"]
    assert (found.dtype, found.shape) == (np.float32, (2, 3))
    np.testing.assert_allclose(found.ravel(), numbers, rtol=2**-8)
    assert read_header(tmp_path / "a")["x"].kept_as == "F32"


def test_other_types_are_refused_by_name(tmp_path: Path) -> None:
    save_file({"x": np.zeros(3, np.int64), "y": np.zeros(2, np.float32)}, tmp_path / "a")
    entries = read_header(tmp_path / "a")
    with (tmp_path / "a").open("rb") as file:
        assert read_tensor(file, entries["y"]).shape == (2,)
        with pytest.raises(WeightsError, match=r"'x' of .* is stored as I64. Use a file with F16, BF16, F32"):
            read_tensor(file, entries["x"])


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    save_file({"x": np.zeros(30, np.float32)}, tmp_path / "a")
    entry = read_header(tmp_path / "a")["x"]
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-1])
    with (
        (tmp_path / "a").open("rb") as file,
        pytest.raises(WeightsError, match="ends inside of the tensor 'x'"),
    ):
        read_tensor(file, entry)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none cannot be read: No such file"):
        read_header(tmp_path / "none")


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"x": 3},
        {"x": {"dtype": "F32", "shape": [1]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}},
        {"x": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"x": {"dtype": "NEW", "shape": [1], "data_offsets": [8, 4]}},
        {"x": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}},
    ],
    ids=json.dumps,
)
def test_headers_that_make_no_sense(tmp_path: Path, header: object) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "a").write_bytes(len(text).to_bytes(8, "little") + text + bytes(64))
    with pytest.raises(WeightsError, match="its header is damaged"):
        read_header(tmp_path / "a")


def test_nested_brackets_are_no_crash(tmp_path: Path) -> None:
    text = b'{"x":' + b"[" * 100_000
    (tmp_path / "a").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(WeightsError, match="its header is damaged"):
        read_header(tmp_path / "a")


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """A sparse file of 4 GB: its holes are never looked at."""
    size = 1 << 32
    header = {
        "hole": {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]},
        "x": {"dtype": "F32", "shape": [2], "data_offsets": [size, size + 8]},
    }
    text = json.dumps(header).encode()
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.seek(size, 1)
        file.write(np.array([1, 2], np.float32).tobytes())
    entry = read_header(path)["x"]
    with path.open("rb") as file:
        assert read_tensor(file, entry).tolist() == [1, 2]
        assert entry.stop - entry.start == 4 * math.prod(entry.shape)


def test_files_are_as_safetensors_likes_them(tmp_path: Path) -> None:
    """The header is padded to 8 bytes, so that the data of tensors is aligned."""
    made = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    entry = Entry(name="x", dtype="BF16", shape=(2, 3), start=0, stop=0)
    with (tmp_path / "a").open("wb") as file:
        write_tensors(file, {"y": entry}, lambda name: made["x"])
    assert read_header(tmp_path / "a")["y"].start % 8 == 0
    np.testing.assert_array_equal(load_file(tmp_path / "a")["y"], made["x"])
