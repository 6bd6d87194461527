"""Linux: a .deb with the menu entries, and the folder in a .tar.xz for the other distributions."""

import gzip
import hashlib
import lzma
import platform
import re
import shutil
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path

from product import APP, AUTHORS, DIST, FOLDER, HERE, NAME, ROOT, SUMMARY, VERSION, Command, Runner

STAGE = ROOT / "build" / "deb"
HOME = Path("usr/lib") / NAME
"""Where the bundle lies in the package."""

MENU = (HERE / "linux" / f"{NAME}.desktop", HERE / "linux" / f"{NAME}-open.desktop")
ICONS = {
    "48x48/apps/glaze-edge.png": HERE / "icon-48.png",
    "512x512/apps/glaze-edge.png": HERE / "icon.png",
    "scalable/apps/glaze-edge.svg": HERE / "icon.svg",
}
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
PT_LOAD = 1
LZMA = {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 2**26}
COMPRESSION = [{"id": lzma.FILTER_X86}, LZMA] if platform.machine() == "x86_64" else [LZMA]


def outputs() -> list[Path]:
    """What `package` makes."""
    machine = platform.machine()
    return [
        DIST / f"{NAME}_{VERSION}_{DEBIAN_NAMES.get(machine, machine)}.deb",
        DIST / f"{NAME}-{VERSION}-linux-{machine}.tar.xz",
    ]


def finish(run: Runner) -> None:
    """Take the symbols out of the bundle's libraries: 17 of the 23 MB of Python's own.

    The makers of wheels rearrange libraries, and of some of those, as OpenBLAS, `strip` leaves nothing that can be
    loaded.
    """
    stripped = ROOT / "build" / "stripped"
    for file in libraries():
        run(["strip", "--strip-unneeded", "-o", str(stripped), str(file)])
        smaller = stripped.stat().st_size < file.stat().st_size
        if smaller and loadable(stripped.read_bytes()):
            shutil.copyfile(stripped, file)


def loadable(library: bytes) -> bool:
    """Whether the dynamic linker takes the segments of a 64-bit ELF file: each as far into its page as its address
    is."""
    start, size, count = *struct.unpack_from("<Q", library, 32), *struct.unpack_from("<HH", library, 54)
    for entry in range(count):
        kind, _, offset, address, *_, alignment = struct.unpack_from(
            "<IIQQQQQQ", library, start + entry * size
        )
        if kind == PT_LOAD and (address - offset) % max(alignment, 1):
            return False
    return True


def commands() -> list[Command]:
    """What makes the .deb of its staged files."""
    return [["dpkg-deb", "--root-owner-group", "-Zxz", "-z9", "--build", str(STAGE), str(outputs()[0])]]


def package(run: Runner) -> None:
    """Make the .deb and the .tar.xz of the folder in dist/."""
    stage()
    for command in commands():
        run(command)
    with (
        lzma.open(outputs()[1], "wb", filters=COMPRESSION) as compressed,
        tarfile.open(fileobj=compressed, mode="w|") as archive,
    ):
        archive.add(FOLDER, FOLDER.name, filter=owned_by_root)


def owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The entry, without a trace of who built it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def stage() -> None:
    """Lay out the package's files."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(FOLDER, STAGE / HOME, symlinks=True)
    programs = STAGE / "usr/bin"
    programs.mkdir()
    for program in (NAME, APP):
        (programs / program).symlink_to(f"../lib/{NAME}/{program}")
    for entry in MENU:
        put(entry.read_bytes(), Path("usr/share/applications") / entry.name)
    for name, icon in ICONS.items():
        put(icon.read_bytes(), Path("usr/share/icons/hicolor") / name)
    about = Path("usr/share/doc") / NAME
    put(copyright_text().encode(), about / "copyright")
    put(gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), mtime=0), about / "changelog.gz")
    put(control().encode(), Path("DEBIAN/control"))
    put(checksums().encode(), Path("DEBIAN/md5sums"))
    for path in (STAGE, *STAGE.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path == STAGE / HOME / NAME else 0o644)


def put(content: bytes, name: Path) -> None:
    """Write a file of the package."""
    file = STAGE / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def installed() -> Iterator[Path]:
    """The package's files that are not about it."""
    for file in sorted(STAGE.rglob("*")):
        if file.is_file() and not file.is_symlink() and not file.is_relative_to(STAGE / "DEBIAN"):
            yield file


def control() -> str:
    """What dpkg is told."""
    size = sum(-(-file.stat().st_size // 1024) for file in installed())
    summary, _, _ = SUMMARY.partition(",")
    return f"""\
Package: {NAME}
Version: {VERSION}
Architecture: {outputs()[0].stem.rpartition("_")[2]}
Maintainer: {AUTHORS}
Installed-Size: {size}
Depends: libc6 (>= {oldest_libc()}), libgcc-s1, libstdc++6
Recommends: xdg-utils
Section: graphics
Priority: optional
Description: {summary[0].lower()}{summary[1:]}
 glaze-edge adds a small change to a picture, hardly visible to people, that
 moves what the encoder of an image generator sees towards another style. It
 works offline, in the browser or in a terminal.
"""


def checksums() -> str:
    """The MD5 sums of all files, which dpkg keeps to find damaged ones."""
    return "".join(
        f"{hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}  {file.relative_to(STAGE)}\n"
        for file in installed()
    )


def copyright_text() -> str:
    """The licence, and where those of the parts are."""
    parts = f"The parts that it is made of, and their licences: /{HOME}/_internal/licenses"
    return f"{NAME} {VERSION}\n\n{parts}\n\n{(ROOT / 'LICENSE').read_text('utf-8')}"


def oldest_libc() -> str:
    """The first version of glibc that has all that the bundle's libraries ask for."""
    found = {
        tuple(map(int, version.split(b".")))
        for file in libraries()
        for version in re.findall(rb"GLIBC_(2\.\d+)\0", file.read_bytes())
    }
    return ".".join(map(str, max(found)))


def libraries() -> Iterator[Path]:
    """The libraries in the bundle."""
    for file in sorted((FOLDER / "_internal").rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                if opened.read(4) == b"\x7fELF":
                    yield file
