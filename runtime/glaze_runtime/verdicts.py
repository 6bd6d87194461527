"""Verdicts on devices, and the files that remember them."""

import contextlib
import hashlib
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the self-test found.

    Attributes:
        device: its name.
        passed: whether its numbers are right.
        reason: what was found, a sentence for people without its full stop.
        size: height and width of the picture, in pixels.
        relative_error: the largest of the latent's, the loss's and the gradient's; None if it did not run.
        seconds_per_step, cpu_seconds_per_step: medians; None if it did not run.
    """

    device: str
    passed: bool
    reason: str
    size: int
    relative_error: float | None = None
    seconds_per_step: float | None = None
    cpu_seconds_per_step: float | None = None

    @property
    def worth_using(self) -> bool:
        """Right, and faster than the CPU."""
        return (
            self.passed
            and self.seconds_per_step is not None
            and self.cpu_seconds_per_step is not None
            and self.seconds_per_step < self.cpu_seconds_per_step
        )


def verdict_file(key: Sequence[Any], folder: Path | None = None) -> Path:
    """Where the verdict is kept that holds for `key` on this machine; by default in the user's cache."""
    folder = folder or platformdirs.user_cache_path("glaze-edge") / "self-tests"
    text = json.dumps([*key, *_machine()])
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def recall(file: Path) -> Verdict | None:
    """The verdict in `file`; None where there is none, or it is damaged."""
    try:
        return Verdict(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def keep(verdict: Verdict, file: Path) -> None:
    """Write all of `file` or nothing of it. A cache that cannot be written costs time, and no more."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False) as part:
            json.dump(asdict(verdict), part)
        Path(part.name).replace(file)


def _machine() -> list[str]:
    """What is known of the hardware and its drivers; macOS and Linux bring most of theirs with the system."""
    known = [platform.machine(), platform.processor(), platform.platform(), platform.version()]
    if sys.platform == "win32":
        import winreg

        displays = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
        for index in range(10):
            with (
                contextlib.suppress(OSError),
                winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{displays}\{index:04}") as display,
            ):
                known += [
                    str(winreg.QueryValueEx(display, name)[0]) for name in ("DriverDesc", "DriverVersion")
                ]
    return known
