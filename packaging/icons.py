"""Draw the icons from icon.svg, after it was changed: needs Chromium and Pillow. What it writes is committed.

PyInstaller makes macOS's icon of icon.png by itself.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from product import HERE

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)
PNG_SIZE, SMALL_PNG_SIZE = 512, 48


def render(svg: Path, side: int) -> Image.Image:
    """The drawing, `side` pixels wide, on a transparent ground."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("Chromium draws the icon. Install it (Debian: apt install chromium), then run this again.")
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "icon.html"), Path(folder, "icon.png")
        drawing = svg.read_text(encoding="utf-8").replace("<svg ", f'<svg width="{side}" height="{side}" ', 1)
        page.write_text(
            f"<!doctype html><style>body {{ margin: 0 }} svg {{ display: block }}</style>{drawing}", "utf-8"
        )
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--force-device-scale-factor=1",
                "--default-background-color=00000000",
                f"--window-size={side},{side}",
                f"--screenshot={shot}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
        with Image.open(shot) as image:
            return image.convert("RGBA")


def main() -> None:
    """Write icon.png, icon-48.png and icon.ico."""
    large = render(HERE / "icon.svg", 2 * PNG_SIZE)
    icon = large.resize((PNG_SIZE, PNG_SIZE), Image.Resampling.LANCZOS)
    icon.save(HERE / "icon.png", optimize=True)
    small = large.resize((SMALL_PNG_SIZE, SMALL_PNG_SIZE), Image.Resampling.LANCZOS)
    small.save(HERE / "icon-48.png", optimize=True)
    icon.save(HERE / "icon.ico", sizes=[(side, side) for side in ICO_SIZES])


if __name__ == "__main__":
    main()
