#!/usr/bin/env python3
"""How the app feels: from start to page, the first trial, a key's way to the screen while pictures are glazed, and
memory.

    benchmarks/app.py [--command PROGRAM] [--pictures 10] [--effort standard]

PROGRAM is `glaze-edge` of an install, or of a bundle. Pictures of 1024 x 1024 are made; Chromium shows the page.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from glaze_edge.app.instance import ask

PAINT = """() => new Promise((done) => {
    const began = performance.now();
    const button = document.querySelector("#about-open");
    button.click();
    requestAnimationFrame(() => requestAnimationFrame(() => {
        const took = performance.now() - began;
        document.querySelector("#dialog-close").click();
        done(took);
    }));
})"""
"""Milliseconds from a click to the second frame with the dialog that it opens."""


def picture(seed: int) -> bytes:
    """A PNG of 1024 x 1024 with soft shapes and some grain."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).resize(
        (1024, 1024), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 6, (1024, 1024, 1))
    file = BytesIO()
    Image.fromarray((np.asarray(small) + grain).clip(0, 255).astype(np.uint8)).save(
        file, "PNG", compress_level=1
    )
    return file.getvalue()


def say(address: str, path: str, **said: Any) -> Any:
    """The answer to JSON."""
    return ask(address, "POST", path, json.dumps(said).encode(), "application/json")[1]


def state(address: str) -> dict[str, Any]:
    """What the page shows."""
    found: dict[str, Any] = json.loads(ask(address, "GET", "state")[1])
    return found


def memory(process: int) -> float:
    """MiB that are the process's own now."""
    status = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("Private_")) / 1024


def painted(page: Page, times: int) -> list[float]:
    """Milliseconds from click to paint, some times."""
    took = []
    for _ in range(times):
        took.append(page.evaluate(PAINT))
        sleep(0.3)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--command", default="glaze-edge")
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--effort", default="standard")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        began = monotonic()
        process = subprocess.Popen(
            [arguments.command, "app", "--no-open"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"GLAZE_EDGE_DATA": data},
        )
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        page.goto(address)
        page.get_by_role("button", name="Choose pictures").wait_for()
        print(f"start to usable page: {monotonic() - began:.2f} s")
        try:
            run(address, page, process.pid, arguments.pictures, arguments.effort)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            browser.close()


def run(address: str, page: Page, process: int, pictures: int, effort: str) -> None:
    """Measure the app at `address`."""
    for seed in range(pictures):
        ask(address, "PUT", f"pictures?name={seed}.png", picture(seed))
    while (
        any(each["state"] == "checking" for each in state(address)["pictures"])
        or not state(address)["device"]
    ):
        sleep(0.1)
    print(f"click to paint, idle: median {median(painted(page, 20)):.0f} ms")
    page.get_by_role("button", name="Try on 0.png").click()
    for which in ("first", "second"):
        began = monotonic()
        page.get_by_role("button", name="Try here").click()
        page.get_by_text("Done in").wait_for(timeout=200_000)
        print(f"{which} trial: {monotonic() - began:.1f} s")
    page.keyboard.press("Escape")
    say(address, "settings", effort=effort)
    say(address, "run", do="start")
    while not state(address)["share"]:
        sleep(0.1)
    took = sorted(painted(page, 40))
    print(
        f"click to paint, glazing: median {median(took):.0f} ms, 95 % under {took[int(0.95 * len(took))]:.0f} ms"
    )
    done = 0
    while done < pictures:
        rows = [each["result"] for each in state(address)["pictures"] if each["state"] == "done"]
        if len(rows) > done:
            done = len(rows)
            print(
                f"after {done}: {memory(process):.0f} MiB, the last one took {rows[-1]['seconds']:.1f} s",
                flush=True,
            )
        sleep(0.5)


if __name__ == "__main__":
    main()
