"""The settings that the artist chose, and the encoders that they stand for today."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from glaze_edge.generators import Choice, best_encoders, every_choice, resolved
from glaze_edge.settings import Settings
from glaze_models import DEFAULT_GENERATORS
from glaze_models.errors import OptionError
from glaze_models.styles import STYLE_NAMES, style_bank
from glaze_runtime.stylise import draw_style, rank_styles

CHANGEABLE = "intensity", "effort", "style", "generators"
"""Settings that the page may change."""


class Preferences:
    """Settings with the best encoders that there are for their generators.

    Attributes:
        settings: those of now, which name their encoders.
        choices: what each generator would use, by name; None where there is no encoder for it.
    """

    def __init__(self) -> None:
        self.settings: Settings
        self.choices: dict[str, Choice | None]
        self._adopt(Settings(), every_choice())

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change some of the settings.

        Raises:
            OptionError: one is unknown, or there is no encoder for a generator.
        """
        values: dict[str, Any] = {}
        for name, value in wanted.items():
            texts = value if isinstance(value, list) else [value]
            fits = isinstance(value, list) == (name == "generators") and all(
                isinstance(t, str) for t in texts
            )
            if name not in CHANGEABLE or not fits:
                raise OptionError(f"{name} cannot be set to {value!r}.")
            values[name] = tuple(texts) if name == "generators" else value
        settings = replace(self.settings, encoders=(), **values)
        if settings.style not in ("auto", *STYLE_NAMES):
            raise OptionError(f"There is no style called {settings.style!r}.")
        self._adopt(settings, every_choice())

    def renew(self) -> None:
        """Encoders came or went: use the best there are, and let go of generators that none is left for."""
        every = every_choice()
        left = tuple(name for name in self.settings.generators if every[name]) or DEFAULT_GENERATORS
        self._adopt(replace(self.settings, generators=left, encoders=()), every)

    def drawn_style(self, embeddings: Iterable[Iterable[float]]) -> str | None:
        """What the style `auto` stands for with pictures that lie at `embeddings`; None without any."""
        pictures = tuple(map(tuple, embeddings))
        return _drawn(pictures, self.settings.seed) if pictures else None

    def _adopt(self, settings: Settings, every: dict[str, Choice | None]) -> None:
        """Make `settings`, which name no encoders, those of now."""
        names = dict.fromkeys(settings.generators)
        chosen = tuple(every.get(name) or best_encoders(name) for name in names)  # which says what is missing
        self.settings, self.choices = resolved(settings, chosen), every


@lru_cache(maxsize=4)
def _drawn(pictures: tuple[tuple[float, ...], ...], seed: int) -> str:
    embeddings = [np.array(picture, np.float32) for picture in pictures]
    return draw_style(rank_styles(embeddings, style_bank()), seed).name
