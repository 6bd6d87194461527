"""CLIP's tokenizer: prompt text to token numbers, by the package tokenizers (extra `styles`)."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glaze_models.errors import ModelError, OptionError

Tokens = NDArray[np.int64]
"""[1,length]: start, the prompt, end, padding."""

log = logging.getLogger(__name__)

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP cuts text into before byte-pair encoding (Radford et al. 2021)."""


class ClipTokenizer:
    """The tokenizer of `folder`: tokenizer_config.json, and tokenizer.json or vocab.json with merges.txt.

    Attributes:
        length: tokens a prompt, start and end included; 77 for CLIP.

    Raises:
        OptionError: the package tokenizers is not installed.
        ModelError: a file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
            self._tokenizer = _load(folder)
            self.length = int(config.get("model_max_length", 77))
            self._start, self._end, self._padding = (
                self._number(config, role) for role in ("bos_token", "eos_token", "pad_token")
            )
        except ImportError as error:
            raise OptionError(
                'Style engines need the package tokenizers. Run: pip install "glaze-edge[styles]"'
            ) from error
        except Exception as error:  # tokenizers raises bare Exception on damaged files
            raise ModelError(
                f"The tokenizer in {folder} cannot be read: {error!r}. Export the style engine again."
            ) from error

    def __call__(self, text: str) -> Tokens:
        """The tokens of `text`; what goes over `length` is left out, and said so in the log."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        room = self.length - 2
        if len(encoding.ids) > room:
            left_out = text[encoding.offsets[room][0] :]
            log.warning(
                "The prompt is longer than %d tokens. Left out: %r. Use a shorter one.", room, left_out
            )
        numbers = [self._start, *encoding.ids[:room], self._end]
        numbers += [self._padding] * (self.length - len(numbers))
        return np.asarray([numbers], np.int64)

    def _number(self, config: dict[str, Any], role: str) -> int:
        token = config[role]
        token = token["content"] if isinstance(token, dict) else token
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise ValueError(f"the {role} {token!r} is not in the vocabulary")
        return int(number)


def _load(folder: Path) -> Any:
    # Only style engines need it, so glaze-edge starts without.
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    if (folder / "tokenizer.json").exists():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
    bytepairs = models.BPE.from_file(
        str(folder / "vocab.json"),
        str(folder / "merges.txt"),
        unk_token="<|endoftext|>",
        end_of_word_suffix="</w>",
    )
    tokenizer = Tokenizer(bytepairs)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer
