"""Photograph the page in the browser: python examples/draw_page.py PICTURE [SOURCE]

The README's picture is made by: python examples/draw_page.py examples/page.jpg

It needs playwright, and Chromium in the path.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

GAP = 24
PAPER = (237, 242, 244)  # BGR
SCREENS = (  # what a computer and a phone show
    {"viewport": {"width": 1180, "height": 740}, "color_scheme": "dark"},
    {
        "viewport": {"width": 360, "height": 740},
        "color_scheme": "light",
        "is_mobile": True,
        "has_touch": True,
    },
)
WATCH = "from realtime.cli import main; main()"


def photograph(chromium: Any, url: str, options: dict[str, Any]) -> np.ndarray:
    """The page some seconds after it was opened."""
    context = chromium.new_context(**options)
    page = context.new_page()
    page.goto(url)
    while not page.evaluate("Boolean(live.shown?.bitmap && live.status?.fps)"):
        page.wait_for_timeout(100)
    if not options.get("is_mobile"):
        page.click("#trails")
    page.wait_for_timeout(8000)
    data = np.frombuffer(page.screenshot(), np.uint8)
    context.close()
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def beside(pictures: list[np.ndarray]) -> np.ndarray:
    """All in a row, with paper between and around them."""
    height = max(own.shape[0] for own in pictures)
    strips = [np.full((height, GAP, 3), PAPER, np.uint8)]
    for own in pictures:
        strips += [own, np.full((height, GAP, 3), PAPER, np.uint8)]
    row = np.hstack(strips)
    edge = np.full((GAP, row.shape[1], 3), PAPER, np.uint8)
    return np.vstack([edge, row, edge])


source = sys.argv[2] if len(sys.argv) > 2 else "synthetic:"
line = [sys.executable, "-c", WATCH, "run", source, "--serve", "--port", "0"]
with (
    subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as keycam,
    sync_playwright() as running,
):
    assert keycam.stderr is not None
    chromium = running.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"]
    )
    pictures = []
    for screen in SCREENS:
        while not (found := re.search(r"http://\S+", keycam.stderr.readline())):
            assert keycam.poll() is None, "keycam has ended"
        pictures.append(photograph(chromium, found[0], screen))
    chromium.close()
    keycam.terminate()
drawn = beside(pictures)
cv2.imwrite(str(Path(sys.argv[1])), drawn, (cv2.IMWRITE_JPEG_QUALITY, 84))
