"""CLIP's tokenizer on a vocabulary whose merges are known by heart."""

import json
import sys
from pathlib import Path

import pytest

from glaze_models.errors import ModelError, OptionError
from glaze_runtime.stylise.diffusion.tokenizer import ClipTokenizer

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def folder(make_engine) -> Path:
    return make_engine() / "tokenizer"


def spelled(folder: Path, text: str) -> list[str]:
    """The tokens of `text` between start and end."""
    tokens = {n: token for token, n in json.loads((folder / "vocab.json").read_text()).items()}
    names = [tokens[int(n)] for n in ClipTokenizer(folder)(text)[0]]
    assert names[0] == "<|startoftext|>"
    return names[1 : names.index("<|endoftext|>")]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("cubism by Picasso", ["cubism</w>", "by</w>", "picass", "o</w>"]),
        ("  CUBISM\n\tby ", ["cubism</w>", "by</w>"]),
        ("it's 19", ["i", "t</w>", "'", "s</w>", "1</w>", "9</w>"]),
        ("by-by!?", ["by</w>", "-</w>", "by</w>", "!", "?</w>"]),
        ("", []),
    ],
    ids=repr,
)
def test_tokens(folder: Path, text: str, tokens: list[str]) -> None:
    assert spelled(folder, text) == tokens


def test_a_prompt_fills_77_tokens_with_padding(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text())
    tokens = ClipTokenizer(folder)("by")
    assert tokens.shape == (1, 77)
    assert tokens[0, :2].tolist() == [vocabulary["<|startoftext|>"], vocabulary["by</w>"]]
    assert set(tokens[0, 2:].tolist()) == {vocabulary["<|endoftext|>"]}


def test_padding_of_stable_diffusion_2(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["pad_token"] = {"content": "!", "special": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert ClipTokenizer(folder)("by")[0, -1] == json.loads((folder / "vocab.json").read_text())["!"]


def test_what_is_left_out_of_a_long_prompt_is_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    tokenizer = ClipTokenizer(folder)
    full = tokenizer("by " * 75)
    assert caplog.messages == []
    assert (tokenizer("by " * 75 + "cubism by Picasso") == full).all()
    assert caplog.messages == [
        "The prompt is longer than 75 tokens. Left out: 'cubism by Picasso'. Use a shorter one."
    ]


def test_tokenizer_json_gives_the_same(folder: Path, tmp_path: Path) -> None:
    one = ClipTokenizer(folder)
    one._tokenizer.enable_padding(length=10)
    one._tokenizer.enable_truncation(3)
    other = tmp_path / "other"
    other.mkdir()
    one._tokenizer.save(str(other / "tokenizer.json"))
    (other / "tokenizer_config.json").write_text((folder / "tokenizer_config.json").read_text())
    again = ClipTokenizer(other)
    fresh = ClipTokenizer(folder)
    for text in ("cubism by Picasso", "", "by " * 90):
        assert (again(text) == fresh(text)).all()


@pytest.mark.parametrize("name", ["tokenizer_config.json", "vocab.json", "merges.txt"])
def test_damaged_files(folder: Path, name: str) -> None:
    (folder / name).write_text("{")
    with pytest.raises(ModelError, match="tokenizer in"):
        ClipTokenizer(folder)


def test_a_token_that_is_not_in_the_vocabulary(folder: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "bos_token": "<s>"}))
    with pytest.raises(ModelError, match="bos_token '<s>'"):
        ClipTokenizer(folder)


def test_without_the_package_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(OptionError, match=r"glaze-edge\[styles\]"):
        ClipTokenizer(folder)
