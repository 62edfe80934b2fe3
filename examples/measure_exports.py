"""What exporting a long session costs: python examples/measure_exports.py FRAMES FORMAT...

Makes a session of FRAMES frames with the four points of mouse4 in a temporary folder, exports it in
a process of its own for each FORMAT, and prints seconds and peak memory. Linux and macOS.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from engines import Roi, Skeleton
from realtime.frame import State
from realtime.memory import Memory
from realtime.record import Record, Subject
from realtime.recorder import Recorder

EXPORT = "import sys; from realtime.export.formats import export; export(*sys.argv[1:])"
MEGABYTE = 1 << (20 if sys.platform == "darwin" else 10)  # of ru_maxrss


def make_session(path: Path, frames: int) -> None:
    skeleton = Skeleton.load("mouse4")
    blank = np.zeros((480, 640, 3), np.uint8)
    Recorder(path, Memory([cv2.merge([blank[..., 0]] * 3)]), skeleton).close()
    points = np.random.default_rng(0).uniform(0, 480, (1000, 4, 2)).astype(np.float32)
    sure = np.full(4, 0.9, np.float32)
    with (path / "poses.jsonl").open("wb") as file:
        for number in range(frames):
            place = points[number % 1000]
            subject = Subject(0, place, place, sure)
            when = 10**9 + number * 33_333_333
            roi = Roi(320, 240, 200)
            file.write(Record(number, when, 0, State.TRACK, roi, (subject,), 2.0).to_line())


def main(frames: int, formats: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session = Path(folder) / "session"
        make_session(session, frames)
        print(f"{frames} frames, {(session / 'poses.jsonl').stat().st_size / 1e6:.0f} MB of poses")
        for name in formats:
            started = time.monotonic()
            process = subprocess.Popen([sys.executable, "-c", EXPORT, session, name])
            usage = wait(process.pid)
            seconds = time.monotonic() - started
            print(f"{name:9} {seconds:7.1f} s  {usage / MEGABYTE:6.0f} MB at most", flush=True)


def wait(pid: int) -> float:
    """Wait for a process; its peak resident memory as the system counts it."""
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"the export failed with status {status}")
    return float(usage.ru_maxrss)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
