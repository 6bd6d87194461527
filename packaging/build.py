#!/usr/bin/env python3
"""Build the bundle for the machine that this runs on: the folder dist/glaze-edge, then the system's package, then
SHA256SUMS.

Linux: .deb and .tar.xz. Windows: an installer, by Inno Setup. macOS: a disk image; signed where packaging/macos.py is
told how.
"""

import argparse
import hashlib
import shlex
import shutil
import subprocess
import sys
from types import ModuleType

import linux
import macos
import windows
from product import DIST, FOLDER, HERE, ROOT, VERSION, Command

sys.path.insert(0, str(ROOT / "scripts"))
from _environment import BUNDLER

SYSTEMS: dict[str, ModuleType] = {"linux": linux, "darwin": macos, "win32": windows}


def run(command: Command) -> None:
    """Start a command, and end the build where it fails."""
    print("+", shlex.join(command), file=sys.stderr, flush=True)
    if status := subprocess.run(command, check=False).returncode:
        sys.exit(f"{command[0]} ended with status {status}.")


def bundle() -> Command:
    """What makes the folder."""
    python = [BUNDLER.program("python"), "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    return [
        *python,
        "--distpath",
        str(DIST),
        "--workpath",
        str(ROOT / "build"),
        str(HERE / "glaze-edge.spec"),
    ]


def build(packaged: bool) -> None:
    """Make the folder, and the packages when `packaged`."""
    system = SYSTEMS[sys.platform]
    BUNDLER.prepare()
    shutil.rmtree(FOLDER, ignore_errors=True)
    run(bundle())
    if system is linux:
        linux.finish(run)
    if packaged:
        system.package(run)
        write_checksums(system)
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file() and not file.is_symlink())
    print(f"{FOLDER}: {size / 1e6:.1f} MB")


def write_checksums(system: ModuleType) -> None:
    """Write dist/SHA256SUMS of the packages."""
    lines = []
    for file in system.outputs():
        with file.open("rb") as opened:
            lines.append(f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {file.name}\n")
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


def rehearse(name: str) -> None:
    """Say what would be run on the system `name`, and what it would make."""
    system = SYSTEMS[name]
    for command in (bundle(), *system.commands()):
        print(shlex.join(command))
    for file in system.outputs():
        print(f"-> {file}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument("--folder-only", action="store_true", help="make no package")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be run")
    parser.add_argument("--system", choices=SYSTEMS, help="for --dry-run, another system than this one")
    options = parser.parse_args()
    if options.system and not options.dry_run:
        parser.error("--system goes with --dry-run only: a bundle is built on its own system")
    if options.dry_run:
        rehearse(options.system or sys.platform)
    else:
        build(packaged=not options.folder_only)


if __name__ == "__main__":
    main()
