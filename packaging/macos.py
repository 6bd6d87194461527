"""macOS: what the .app says of itself, and the disk image it comes in.

Signed and notarised when GLAZE_EDGE_SIGN names a "Developer ID Application" identity in the keychain and
GLAZE_EDGE_NOTARY a profile that `xcrun notarytool store-credentials` made; without them the image is for this computer
only.
"""

import os
import platform
import shutil
from pathlib import Path
from typing import Any

from product import DIST, HERE, NAME, PICTURES, ROOT, VERSION, Command, Runner

ENTITLEMENTS = HERE / "macos" / "entitlements.plist"
STAGE = ROOT / "build" / "dmg"
OLDEST_MACOS = "14.0"
"""onnxruntime's wheel asks for it."""
TYPES = {
    "image/png": "public.png",
    "image/jpeg": "public.jpeg",
    "image/webp": "org.webmproject.webp",
    "image/tiff": "public.tiff",
    "image/avif": "public.avif",
}


def info_plist() -> dict[str, Any]:
    """What PyInstaller is to add to Info.plist. The page is in the browser, so there is no icon in the Dock that would
    not answer."""
    pictures = {
        "CFBundleTypeName": "Picture",
        "CFBundleTypeRole": "Viewer",
        "LSHandlerRank": "Alternate",
        "LSItemContentTypes": [TYPES[mime] for mime in PICTURES],
    }
    return {
        "CFBundleDisplayName": NAME,
        "CFBundleDocumentTypes": [pictures],
        "CFBundleVersion": VERSION,
        "LSApplicationCategoryType": "public.app-category.graphics-design",
        "LSBackgroundOnly": False,
        "LSMinimumSystemVersion": OLDEST_MACOS,
        "LSUIElement": True,
        "NSHighResolutionCapable": True,
    }


def outputs() -> list[Path]:
    """What `package` makes."""
    return [DIST / f"{NAME}-{VERSION}-macos-{platform.machine()}.dmg"]


def commands() -> list[Command]:
    """What makes the disk image of the staged folder, and signs and notarises it."""
    (image,) = map(str, outputs())
    create = [
        "hdiutil",
        "create",
        "-volname",
        f"{NAME} {VERSION}",
        "-srcfolder",
        str(STAGE),
        "-format",
        "ULFO",
    ]
    made = [[*create, "-ov", image]]
    if identity := os.environ.get("GLAZE_EDGE_SIGN"):
        made.append(["codesign", "--sign", identity, "--timestamp", image])
    if profile := os.environ.get("GLAZE_EDGE_NOTARY"):
        made.append(["xcrun", "notarytool", "submit", image, "--keychain-profile", profile, "--wait"])
        made.append(["xcrun", "stapler", "staple", image])
    return made


def package(run: Runner) -> None:
    """Make the disk image of the .app that lies in dist/."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    shutil.copytree(DIST / f"{NAME}.app", STAGE / f"{NAME}.app", symlinks=True)
    (STAGE / "Applications").symlink_to("/Applications")
    for command in commands():
        run(command)
