"""Kills recordings at random moments and looks at what is left: `kills.py [HOW_MANY [SEED]]`.

Each recording is of a fake camera with its video, in a process of its own; see recording.py. The
figures of all of them are printed as JSON at the end.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic_ns

import cv2
from doubles import number_of

from engines.geometry import Image
from realtime.repair import repair
from realtime.session import Session, open_session
from realtime.verdict import validate

LONGEST_S = 1.5  # from the first frame to the kill


@dataclass(frozen=True)
class Left:
    """What one kill left.

    Attributes:
        after_s: from the first frame to the kill.
        poses: recorded; the video may be a little ahead of them.
        poses_lost_ms: from the last recorded frame to the last one taken.
        filmed: whether there is a video; there is from its second frame on.
        video: frames that play.
        video_lost_ms: from the last frame that plays to the last one taken.
        right: whether poses are without a hole, and pictures those that the poses name.
        cut_off: whether something was, in the poses, events or video.
        repaired: whether the session was valid after a repair.
    """

    after_s: float
    poses: int
    poses_lost_ms: float
    filmed: bool
    video: int
    video_lost_ms: float
    right: bool
    cut_off: bool
    repaired: bool


def kill_one(folder: Path, after_s: float) -> Left:
    """Record into `folder`, kill after so many seconds, and look."""
    script = Path(__file__).with_name("recording.py")
    command = [sys.executable, str(script), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        reports = [process.stdout.readline()]
        time.sleep(after_s)
        killed_ns = monotonic_ns()
        process.kill()
        reports += process.stdout.readlines()
    taken = [line.split() for line in reports if line.endswith("\n")]
    times = {int(index): int(time_ns) for index, time_ns in taken}
    last_ns = max(time_ns for time_ns in times.values() if time_ns <= killed_ns)
    session = open_session(folder / "session")
    poses = [(record.frame, record.time_ns, record.video) for record in session]
    film = list(_film(session))
    shown = {video: (frame, time_ns) for frame, time_ns, video in poses}
    named = all(
        abs(number_of(image) - shown[i][0] % 40) <= 1 for i, image in enumerate(film) if i in shown
    )
    film_end_ns = [time_ns for i, (_, time_ns) in shown.items() if i < len(film)]
    cut_off = bool(repair(folder / "session"))
    return Left(
        after_s=after_s,
        poses=len(poses),
        poses_lost_ms=max(last_ns - (poses[-1][1] if poses else min(times.values())), 0) / 1e6,
        filmed=session.video is not None,
        video=len(film),
        video_lost_ms=(last_ns - max(film_end_ns, default=min(times.values()))) / 1e6,
        right=named and [frame for frame, *_ in poses] == list(range(len(poses))),
        cut_off=cut_off,
        repaired=validate(folder / "session").valid,
    )


def kill_many(how_many: int, seed: int = 0) -> list[Left]:
    """At moments drawn evenly from the first LONGEST_S seconds."""
    draw = random.Random(seed)
    left = []
    for _ in range(how_many):
        with TemporaryDirectory() as folder:
            left.append(kill_one(Path(folder), draw.uniform(0, LONGEST_S)))
    return left


def figures(left: list[Left]) -> dict[str, float]:
    """The worst and the typical of many kills."""
    lost = sorted(one.poses_lost_ms for one in left)
    film = sorted(one.video_lost_ms for one in left)
    return {
        "kills": len(left),
        "sessions_opened": len(left),
        "right": sum(one.right for one in left),
        "with_video": sum(one.filmed for one in left),
        "videos_that_play": sum(one.video > 0 for one in left),
        "valid_after_repair": sum(one.repaired for one in left),
        "with_something_cut_off": sum(one.cut_off for one in left),
        "poses": sum(one.poses for one in left),
        "poses_lost_ms_median": lost[len(lost) // 2],
        "poses_lost_ms_max": lost[-1],
        "with_over_100_ms_lost": sum(own > 100 for own in lost),
        "video_lost_ms_median": film[len(film) // 2],
        "video_lost_ms_max": film[-1],
        "longest_without_video_s": max((one.after_s for one in left if not one.video), default=-1),
    }


def _film(session: Session) -> Iterator[Image]:
    """Whatever of its video can be decoded."""
    if session.video is not None:
        capture = cv2.VideoCapture(str(session.video))
        yield from (image for _, image in takewhile(_good, iter(capture.read, None)))
        capture.release()


def _good(read: tuple[bool, Image]) -> bool:
    return read[0]


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    found = kill_many(*arguments) if arguments else kill_many(200)
    worst = max(found, key=lambda one: one.poses_lost_ms)
    table = {**figures(found), "worst": asdict(worst)}
    sys.stdout.write(json.dumps(table, indent=1) + "\n")
