"""What is made for each system: menu entries and the package of Linux, the installer of Windows, the app and disk image
of macOS."""

import re
import shutil
import struct
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from plistlib import dumps, loads
from typing import Any

import pytest
from packaged import build, linux, macos, product, windows

import glaze_edge

ENDINGS = {ending for endings in product.PICTURES.values() for ending in endings}

# Linux


def menu_entry(file: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(file, "utf-8")
    return dict(parser["Desktop Entry"])


@pytest.mark.parametrize("file", linux.MENU, ids=lambda file: file.name)
def test_menu_entries_start_the_app(file):
    found = menu_entry(file)
    assert (found["Exec"], found["Icon"]) == (f"{product.APP} %F", product.NAME)
    if shutil.which("desktop-file-validate"):
        done = subprocess.run(["desktop-file-validate", file], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def test_pictures_are_offered_in_the_file_manager_alone():
    main, offered = map(menu_entry, linux.MENU)
    assert "MimeType" not in main
    assert offered["Name"] == "Glaze with glaze-edge"
    assert offered["NoDisplay"] == "true"
    assert offered["MimeType"].strip(";").split(";") == list(product.PICTURES)


def fake_library(offset: int = 0x1000, address: int = 0x3000) -> bytes:
    """The head of a 64-bit ELF file with one segment, and the version of glibc that it asks for."""
    header = b"\x7fELF" + bytes(28) + struct.pack("<QQIHHH", 64, 0, 0, 64, 56, 1) + bytes(6)
    segment = struct.pack("<IIQQQQQQ", linux.PT_LOAD, 5, offset, address, address, 64, 64, 0x1000)
    return header + segment + b"GLIBC_2.17\0GLIBC_2.4\0"


def test_a_library_that_strip_broke_is_known():
    assert linux.loadable(fake_library())
    assert not linux.loadable(fake_library(offset=0x1010))


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """The staged files of a package of a bundle of two files."""
    folder = tmp_path / "dist" / product.NAME
    (folder / "_internal").mkdir(parents=True)
    (folder / product.NAME).write_bytes(fake_library())
    (folder / product.APP).symlink_to(product.NAME)
    (folder / "_internal" / "library.so").write_bytes(fake_library() + b"GLIBC_2.28\0")
    monkeypatch.setattr(linux, "FOLDER", folder)
    monkeypatch.setattr(linux, "STAGE", tmp_path / "deb")
    linux.stage()
    return tmp_path / "deb"


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="a package of Linux")


@linux_only
def test_the_package_says_what_it_needs(staged):
    control = dict(
        line.split(": ", 1) for line in (staged / "DEBIAN/control").read_text().splitlines() if line[0] != " "
    )
    assert control["Version"] == glaze_edge.__version__
    assert control["Depends"].startswith("libc6 (>= 2.28), ")
    assert int(control["Installed-Size"]) > 0


@linux_only
def test_the_package_has_its_files_in_place(staged):
    for program in (product.NAME, product.APP):
        link = staged / "usr/bin" / program
        assert link.is_symlink()
        assert link.resolve() == staged / "usr/lib" / product.NAME / product.NAME
    assert (staged / "usr/lib/glaze-edge/glaze-edge").stat().st_mode & 0o777 == 0o755
    assert (staged / "usr/lib/glaze-edge/_internal/library.so").stat().st_mode & 0o777 == 0o644
    for name in linux.ICONS:
        assert (staged / "usr/share/icons/hicolor" / name).is_file()
    assert "MIT License" in (staged / "usr/share/doc/glaze-edge/copyright").read_text()
    listed = {line.split("  ")[1] for line in (staged / "DEBIAN/md5sums").read_text().splitlines()}
    assert "usr/lib/glaze-edge/_internal/library.so" in listed
    assert not any(name.startswith("DEBIAN") for name in listed)


@linux_only
@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_the_package_is_one_for_dpkg(staged, tmp_path, monkeypatch):
    monkeypatch.setattr(linux, "outputs", lambda: [tmp_path / "package.deb"])
    for command in linux.commands():
        build.run(command)
    listed = subprocess.run(
        ["dpkg-deb", "--contents", tmp_path / "package.deb"], capture_output=True, text=True, check=True
    ).stdout
    assert "root/root" in listed
    assert "./usr/bin/glaze-edge-app -> ../lib/glaze-edge/glaze-edge-app" in listed


# Windows


def inno_sections() -> dict[str, list[str]]:
    """section -> its lines."""
    sections: dict[str, list[str]] = {}
    for line in windows.SCRIPT.read_text("utf-8-sig").splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith((";", "#", " ")):
            section.append(line)
    return sections


def test_the_installer_finds_its_files():
    sections = inno_sections()
    settings = dict(line.split("=", 1) for line in sections["Setup"])
    here = windows.SCRIPT.parent
    for key in ("LicenseFile", "SetupIconFile"):
        assert (here / settings[key].replace("\\", "/")).is_file()
    (files,) = sections["Files"]
    (found,) = re.findall(r'^Source: "(.+)\\\*"', files)
    source = found.replace("\\", "/")
    assert (here / source).resolve() == product.FOLDER
    assert settings["AppVersion"] == "{#Version}"
    assert f"/DVersion={product.VERSION}" in windows.commands()[0]


def test_the_installer_offers_glazing_for_each_ending():
    sections = inno_sections()
    assert (
        set(
            re.findall(
                r"SystemFileAssociations\\(\.\w+)\\shell\\glaze-edge\\command\"",
                "\n".join(sections["Registry"]),
            )
        )
        == ENDINGS
    )
    assert len(sections["Registry"]) == 2 * len(ENDINGS)
    assert all(
        line.startswith("Root: HKA; ") and line.endswith("Tasks: menu") for line in sections["Registry"]
    )


def test_the_installer_speaks_each_language_throughout():
    sections = inno_sections()
    languages = set(re.findall(r'^Name: "(\w+)"', "\n".join(sections["Languages"]), re.MULTILINE))
    own = {tuple(line.split("=")[0].split(".")) for line in sections["CustomMessages"]}
    assert own == {(language, message) for language in languages for message in ("Glaze", "Menu")}
    used = set(re.findall(r"\{cm:(\w+)", windows.SCRIPT.read_text("utf-8-sig")))
    assert used == {"Glaze", "Menu", "CreateDesktopIcon", "LaunchProgram"}


def test_windows_shows_the_version_of_the_programs():
    made: dict[str, list[tuple[Any, dict[str, Any]]]] = {}

    def build_part(kind):
        def part(*values, **named):
            made.setdefault(kind, []).append((values, named))
            return kind

        return part

    kinds = (
        "VSVersionInfo",
        "FixedFileInfo",
        "StringFileInfo",
        "StringTable",
        "StringStruct",
        "VarFileInfo",
        "VarStruct",
    )
    eval(windows.version_info(product.APP), {kind: build_part(kind) for kind in kinds})
    texts = dict(values for values, _ in made["StringStruct"])
    assert texts["ProductVersion"] == glaze_edge.__version__
    assert texts["OriginalFilename"] == "glaze-edge-app.exe"
    assert made["FixedFileInfo"][0][1]["filevers"][-1] == 0


# macOS


def test_the_entitlements_are_no_more_than_python_needs():
    assert loads(macos.ENTITLEMENTS.read_bytes()) == {
        "com.apple.security.cs.allow-unsigned-executable-memory": True
    }


def test_the_app_opens_each_kind_of_picture():
    plist = loads(dumps(macos.info_plist()))
    (pictures,) = plist["CFBundleDocumentTypes"]
    assert len(pictures["LSItemContentTypes"]) == len(product.PICTURES)
    assert plist["CFBundleVersion"] == glaze_edge.__version__


def test_the_disk_image_is_signed_only_where_somebody_can(monkeypatch):
    monkeypatch.delenv("GLAZE_EDGE_SIGN", raising=False)
    monkeypatch.delenv("GLAZE_EDGE_NOTARY", raising=False)
    assert [command[0] for command in macos.commands()] == ["hdiutil"]
    monkeypatch.setenv("GLAZE_EDGE_SIGN", "Developer ID Application: Somebody (TEAM)")
    monkeypatch.setenv("GLAZE_EDGE_NOTARY", "profile")
    assert [command[:2] for command in macos.commands()][1:] == [
        ["codesign", "--sign"],
        ["xcrun", "notarytool"],
        ["xcrun", "stapler"],
    ]
