"""A camera that is unplugged and plugged in again and again: python unplug.py TIMES [BACKEND]

Tracks and records a virtual camera (Motion JPEG over HTTP on the loopback interface), cuts its line
as soon as the subject is tracked, starts it again, and prints how long it took until the subject
was tracked again, and what became of memory and threads. Linux.
"""

import os
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import cv2
import numpy as np
from blob_model import blob_model
from mjpeg_camera import Webcam

from engines import load
from engines.geometry import Image
from realtime.camera_settings import CameraSettings
from realtime.frame import Frame, Pose, State
from realtime.gap import Gap
from realtime.loop import run
from realtime.recorder import Recorder
from realtime.source import open_source
from realtime.timing import Timings
from realtime.tracker import Tracker
from realtime.verdict import validate

TRACKED = 3  # frames in a row before the line is cut
GONE_S = 0.2


def blob(number: int) -> Image:
    """A white disc that goes to and fro, as the blob model likes it."""
    image = np.zeros((120, 160, 3), np.uint8)
    place = 60 + round(20 * np.sin(number / 10))
    cv2.circle(image, (place, 50), 9, (255, 255, 255), -1)
    return image


@dataclass
class Plug:
    """A sink that pulls the plug of `webcam` and puts it in again, `times` times; then it stops.

    Attributes:
        back_s: from each plugging in to the first frame with a tracked subject.
        memory: megabytes in use, and threads of the process, each time the subject was found.
    """

    webcam: Webcam
    times: int
    stop: threading.Event
    back_s: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    plugged_s: float | None = None
    tracked: int = 0
    gone_since: float = 0.0

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        if pose.state is State.TRACK and self.plugged_s is not None:
            self.back_s.append(monotonic() - self.plugged_s)
            self.memory.append(resident_mb())
            self.threads.append(len(os.listdir("/proc/self/task")))
            self.plugged_s = None
        self.tracked = self.tracked + 1 if pose.state is State.TRACK else 0
        if self.tracked < TRACKED:
            return
        if len(self.back_s) == self.times:
            self.stop.set()
        else:
            self.webcam.unplug()
            self.tracked, self.gone_since = -(10**9), monotonic()

    def gone(self, gap: Gap, stats: Timings) -> None:
        if self.plugged_s is None and monotonic() - self.gone_since > GONE_S:
            self.webcam.plug()
            self.plugged_s, self.tracked = monotonic(), 0

    def close(self) -> None:
        pass


def unplug(folder: Path, model: Path, times: int, backend: str = "opencv") -> Plug:
    """Do it; the session is folder/session."""
    stop = threading.Event()
    settings = CameraSettings(give_up_s=None, backend=backend)
    with Webcam(blob) as webcam, open_source(webcam.url, settings) as source:
        engine = load(model, "cpu")
        recorder = Recorder(folder / "session", source, engine.card.skeleton)
        plug = Plug(webcam, times, stop)
        run(source, Tracker(engine), [recorder, plug], stop=stop)
        engine.close()
    return plug


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(times: int, backend: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        plug = unplug(folder, blob_model(folder / "blob.onnx"), times, backend)
        verdict = validate(folder / "session")
    back = sorted(plug.back_s)
    lines = [
        f"{backend}: tracked again after {back[len(back) // 2]:.2f} s, at most {back[-1]:.2f} s",
        f"memory {plug.memory[0]:.1f} MB the first time, {plug.memory[-1]:.1f} the last",
        f"threads {dict(Counter(plug.threads))}",
        verdict.to_text(),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "opencv")
