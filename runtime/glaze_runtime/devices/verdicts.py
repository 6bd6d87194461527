"""Verdicts on devices, and the files that remember them."""

import contextlib
import hashlib
import json
import os
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
        hardware: what it runs on, as far as that is known; "" where it is not.
        relative_error: relative L2, the largest of the latent's, the loss's and the gradient's; None if it did not run.
        gradient_cosine: of the angle between its gradient and the CPU's, the smallest; None if it did not run.
        seconds_per_step, cpu_seconds_per_step: medians; None if it did not run.
        operators, operators_on_cpu: of the step graph, how many the device takes, and how many are left to the CPU;
            None if it did not run.
    """

    device: str
    passed: bool
    reason: str
    size: int
    hardware: str = ""
    relative_error: float | None = None
    gradient_cosine: float | None = None
    seconds_per_step: float | None = None
    cpu_seconds_per_step: float | None = None
    operators: int | None = None
    operators_on_cpu: int | None = None

    @property
    def times_as_fast(self) -> float | None:
        """As the CPU; None if it did not run."""
        if self.seconds_per_step is None or self.cpu_seconds_per_step is None:
            return None
        return self.cpu_seconds_per_step / self.seconds_per_step

    @property
    def worth_using(self) -> bool:
        """Right, and faster than the CPU."""
        return self.passed and (self.times_as_fast or 0) > 1


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
    """What is known of the hardware and its drivers; macOS brings its own with the system."""
    system = [platform.machine(), platform.processor(), platform.platform(), platform.version()]
    return [*system, *_windows_drivers(), *_linux_drivers()]


def _windows_drivers() -> list[str]:
    if sys.platform != "win32":
        return []
    import winreg

    displays = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
    known = []
    for index in range(10):
        with (
            contextlib.suppress(OSError),
            winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{displays}\{index:04}") as display,
        ):
            known += [str(winreg.QueryValueEx(display, name)[0]) for name in ("DriverDesc", "DriverVersion")]
    return known


def _linux_drivers() -> list[str]:
    """NVIDIA's version; of Vulkan's and OpenCL's drivers the files that announce them, which a new version replaces."""
    if sys.platform != "linux":
        return []
    known = []
    with contextlib.suppress(OSError):
        known.append(Path("/proc/driver/nvidia/version").read_text())
    named = [os.environ.get(name, "") for name in ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")]
    files = [Path(file) for text in named for file in text.split(os.pathsep) if file]
    for folder in ("/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/etc/OpenCL/vendors"):
        files += sorted(Path(folder).glob("*"))
    for file in files:
        with contextlib.suppress(OSError):
            status = file.stat()
            known.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return known
