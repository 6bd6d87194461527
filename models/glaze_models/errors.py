"""The one exception tree. Every error names the file, tensor or option, and says what to do.

GlazeError                      exit code 1
├── OptionError                 2   an option's value is unknown or does not fit the others
├── PictureError                1   one picture cannot be glazed; a batch goes on without it
│   ├── UnreadablePicture           missing, truncated, not a picture, a decompression bomb
│   ├── UnsupportedPicture          readable, but not something that can be glazed (animated, too small)
│   ├── AlreadyGlazed               carries our mark
│   └── OutputError                 the result cannot be written there
├── DeviceError                 3   the device is missing or failed its self-test
├── ModelError                  4   a graph or its weights
│   └── WeightsError                a tensor is missing, misshapen, or its file is damaged
└── AppError                    5   the app cannot be brought up
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Remedy:
    """What helps against an error, as data: the command line and the page each put it into their own words.

    Attributes:
        kind: `add-weights` of the encoder `subject` from a file; `name-encoder`, say which one the file `subject`
            holds; `remove` the encoder `subject`, and add it again; `use-device`, run on `subject`.
        subject: a name or a path; empty where it is not known.
    """

    kind: Literal["add-weights", "name-encoder", "remove", "use-device"]
    subject: str = ""


class GlazeError(Exception):
    """The root. `str(error)` is one sentence on what is wrong and one on what to do, in no program's options.

    Attributes:
        remedy: what to do, where the command line and the page have their own way.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, text: str, remedy: Remedy | None = None) -> None:
        super().__init__(text)
        self.remedy = remedy


class OptionError(GlazeError):
    """An option's value is unknown or does not fit the others."""

    exit_code = 2


class PictureError(GlazeError):
    """One picture cannot be glazed; a batch goes on without it."""


class UnreadablePicture(PictureError):
    """The file is missing, truncated, not a picture, or a decompression bomb."""


class UnsupportedPicture(PictureError):
    """The picture can be read, but is nothing that can be glazed (animated, too small)."""


class AlreadyGlazed(PictureError):
    """The picture carries our mark, an XMP entry."""


class OutputError(PictureError):
    """The result cannot be written at this place."""


class DeviceError(GlazeError):
    """The device is missing, or it failed its self-test."""

    exit_code = 3


class ModelError(GlazeError):
    """A graph, or the weights it needs, cannot be used."""

    exit_code = 4


class WeightsError(ModelError):
    """A tensor is missing or misshapen, or its file is damaged."""


class AppError(GlazeError):
    """The app cannot be brought up."""

    exit_code = 5
