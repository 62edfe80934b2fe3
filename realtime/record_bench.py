"""What recording costs the live loop on this machine: recorder off, on, and on with video.

The three take turns, some frames each, in one run of the loop at the pace of a fast camera, so
whatever else the machine does falls on all of them alike. Sessions go to a temporary folder.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic_ns, thread_time_ns
from typing import Any

from engines.engine import Engine, load, locate
from engines.geometry import Image
from realtime.contest import WARMUP
from realtime.frame import Frame, Pose
from realtime.loop import run
from realtime.machine import machine, versions
from realtime.memory import decode
from realtime.overlay import Overlay
from realtime.pace import Pace
from realtime.pipeline import DEFAULT_MODEL
from realtime.recorder import Recorder, describe_model
from realtime.screen import Screen
from realtime.source import Source, open_source
from realtime.table import latency_table
from realtime.timing import Percentiles, Ring, Timings
from realtime.tracker import Tracker

FPS = 120.0
FRAMES = 1000  # measured, of each mode
TURN = 40  # frames until the next of MODES has its turn
SETTLE = 10  # of these, not counted: the video of the turn before is still being encoded
MODES = ("off", "poses", "video")


@dataclass(frozen=True, kw_only=True)
class RecordBench:
    """One measurement.

    Attributes:
        source: what was tracked, and its frames' (width, height) in `size`.
        fps: at which frames came.
        keypoints: of the skeleton.
        model: its card's facts, file name and sha256.
        engine, precision: what ran it.
        take: per mode, the time the loop spent in the recorder.
        cpu: of that, processor time: what is left out is waiting, for other programs too.
        turn: per mode, the time from a frame's arrival to the end of its turn of the loop.
        unfilmed: frames the encoder had no time for.
    """

    source: str
    size: tuple[int, int]
    fps: float
    keypoints: int
    model: dict[str, Any]
    engine: str
    precision: str
    take: dict[str, Percentiles]
    cpu: dict[str, Percentiles]
    turn: dict[str, Percentiles]
    unfilmed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON with this machine and these versions."""
        about = {"engine": self.engine, "precision": self.precision, "batch": 1, "fps": self.fps}
        runs = [
            {
                **about,
                "recorder": mode,
                "stages": {
                    "record": asdict(self.take[mode]),
                    "record_cpu": asdict(self.cpu[mode]),
                    "loop": asdict(self.turn[mode]),
                },
            }
            for mode in MODES
        ]
        table = {"machine": machine(), "versions": versions(), "model": self.model, "runs": runs}
        return {**table, "unfilmed": self.unfilmed}

    def to_text(self) -> str:
        here, (width, height) = machine(), self.size
        rows = {mode: self.take[mode] for mode in MODES[1:]}
        rows |= {f"{mode} cpu": self.cpu[mode] for mode in MODES[1:]}
        turns = {mode: self.turn[mode] for mode in MODES}
        return "\n".join(
            [
                f"machine   {here['cpu']}, {here['cores']} cores, {here['os']}",
                f"model     {self.model['name']} on {self.engine}, {self.keypoints} keypoints",
                f"source    {self.source}, {width} x {height}, {self.fps:g} per second",
                "",
                "in the recorder, per frame; and of that, processor time",
                latency_table(rows, None),
                "",
                "from a frame's arrival to the end of its turn, by what is recorded",
                latency_table(turns, None),
                "",
                f"{self.unfilmed} frames were not encoded in time",
            ]
        )


class _Camera(Source):
    """Pictures over and over, as a camera that is never late would give them.

    Attributes:
        handed_ns: when the last one was handed over.
    """

    live = True
    name = "memory"
    fps = FPS
    dropped = 0

    def __init__(self, images: Sequence[Image]) -> None:
        self.size = (images[0].shape[1], images[0].shape[0])
        self.handed_ns = 0
        self._images = images
        self._pace = Pace(on=True)

    def __iter__(self) -> Iterator[Frame]:
        start, index = monotonic_ns(), 0
        while True:
            due_ns = start + round(index * 1e9 / FPS)
            self._pace.wait(due_ns)
            self.handed_ns = monotonic_ns()
            yield Frame(self._images[index % len(self._images)], index, due_ns)
            index += 1

    def close(self) -> None:
        pass


class _Turns:
    """The sink that gives each mode's recorder its turn and times it.

    Each recorder is told that the frames of the others' turns were dropped.
    """

    def __init__(self, recorders: Sequence[Recorder | None], camera: _Camera, frames: int) -> None:
        self.take_ms = [Ring(frames) for _ in MODES]
        self.cpu_ms = [Ring(frames) for _ in MODES]
        self.turn_ms = [Ring(frames) for _ in MODES]
        self._recorders = recorders
        self._camera = camera
        self._next = [0] * len(MODES)

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:
        turn = frame.index // TURN % len(MODES)
        recorder = self._recorders[turn]
        own = Frame(frame.image, frame.index, frame.time_ns, frame.index - self._next[turn])
        self._next[turn] = frame.index + 1
        started, cpu = monotonic_ns(), thread_time_ns()
        if recorder is not None:
            recorder.take(own, pose, stats)
        ended, cpu = monotonic_ns(), thread_time_ns() - cpu
        if stats.warm and frame.index % TURN >= SETTLE:
            self.take_ms[turn].add((ended - started) / 1e6)
            self.cpu_ms[turn].add(cpu / 1e6)
            self.turn_ms[turn].add((ended - self._camera.handed_ns) / 1e6)

    def close(self) -> None:
        for recorder in self._recorders:
            if recorder is not None:
                recorder.close()


def record_bench(
    source: str = "synthetic:",
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    frames: int = FRAMES,
) -> RecordBench:
    """Measure `frames` turns of the loop of each mode after the warm-up.

    Raises:
        KeycamError: the source or the model cannot be had, or recording fails.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(closing(load(model, device)))
        opened = stack.enter_context(open_source(source))
        name, camera = opened.name, _Camera(decode(opened))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="keycam-bench-")))
        sink, unfilmed = _measure(engine, camera, folder, frames)
    described = describe_model(engine, locate(model))
    return RecordBench(
        source=name,
        size=camera.size,
        fps=FPS,
        keypoints=len(engine.card.skeleton.keypoints),
        model={**described["card"], "file": described["file"], "sha256": described["sha256"]},
        engine=engine.name,
        precision=engine.precision,
        take={mode: ring.percentiles() for mode, ring in zip(MODES, sink.take_ms, strict=True)},
        cpu={mode: ring.percentiles() for mode, ring in zip(MODES, sink.cpu_ms, strict=True)},
        turn={mode: ring.percentiles() for mode, ring in zip(MODES, sink.turn_ms, strict=True)},
        unfilmed=unfilmed,
    )


def _measure(engine: Engine, camera: _Camera, folder: Path, frames: int) -> tuple[_Turns, int]:
    """The sink with its times, and how many frames are missing in the video."""
    skeleton = engine.card.skeleton
    filming = Recorder(folder / "video", camera, skeleton, video="lossy")
    sink = _Turns([None, Recorder(folder / "poses", camera, skeleton), filming], camera, frames)
    rounds = -(-frames // (TURN - SETTLE))
    screen = Screen(Overlay(skeleton, caption=engine.name), [])
    turns = rounds * TURN * len(MODES)
    run(camera, Tracker(engine), [screen, sink], frames=WARMUP + turns, warmup=WARMUP)
    return sink, filming.unfilmed
