"""Windows: what the programs say of themselves, and the installer."""

import shutil
from pathlib import Path

from product import AUTHORS, DIST, HERE, NAME, SUMMARY, VERSION, Command, Runner

SCRIPT = HERE / "windows" / "glaze-edge.iss"


def version_info(program: str) -> str:
    """The version resource of an .exe, in the notation that PyInstaller reads."""
    numbers = (*(int(part) for part in VERSION.split(".")[:3]), 0)
    texts = {
        "CompanyName": AUTHORS,
        "FileDescription": NAME,
        "FileVersion": VERSION,
        "InternalName": program,
        "LegalCopyright": f"{AUTHORS}, MIT licence",
        "OriginalFilename": f"{program}.exe",
        "ProductName": NAME,
        "ProductVersion": VERSION,
        "Comments": SUMMARY,
    }
    table = ", ".join(f"StringStruct({key!r}, {text!r})" for key, text in texts.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}), "
        f"kids=[StringFileInfo([StringTable('040904B0', [{table}])]), "
        "VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def outputs() -> list[Path]:
    """What `package` makes."""
    return [DIST / f"{NAME}-{VERSION}-windows-setup.exe"]


def commands() -> list[Command]:
    """What makes the installer. Inno Setup's compiler is not always on PATH."""
    (installer,) = outputs()
    compiler = shutil.which("iscc") or r"C:\Program Files (x86)\Inno Setup 6\ISCC.exe"
    return [[compiler, f"/DVersion={VERSION}", f"/O{DIST}", f"/F{installer.stem}", str(SCRIPT)]]


def package(run: Runner) -> None:
    """Make the installer of the folder in dist/."""
    for command in commands():
        run(command)
