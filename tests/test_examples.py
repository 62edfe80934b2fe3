"""The examples run as they stand."""

import subprocess
import sys
from pathlib import Path

import cv2

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name, *arguments):
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_print_keypoints_says_a_line_per_frame():
    lines = run_example("print_keypoints.py", "synthetic:frames=12").splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(12))


def test_draw_overlay_changes_the_frame_it_draws_on(tmp_path):
    run_example("draw_overlay.py", tmp_path / "drawn.png", "synthetic:frames=5,size=320x240")
    assert cv2.imread(str(tmp_path / "drawn.png")).shape == (240, 320, 3)
