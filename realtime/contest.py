"""Engines measured side by side: each in a process of its own, in turns, in random order.

Whatever else the machine does falls on all of them alike. A process is started once, warmed up, and
waits for its turns; only one of them works at any time.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any, Self

import numpy as np

from engines.engine import load, locate
from engines.errors import EngineError, KeycamError
from engines.geometry import Image
from realtime.frame import Frame, Pose, State
from realtime.loop import run
from realtime.memory import Memory, decode
from realtime.overlay import Overlay
from realtime.screen import Prepared, Screen
from realtime.source import open_source
from realtime.timing import Timings
from realtime.tracker import Tracker
from realtime.window import FIRST_PX

WARMUP = 100  # frames before a process is first measured, not counted
AGAIN = 20  # frames before each of its later turns, not counted
BATCHES = (1, 8, 32)  # crops an engine gets at once, where throughput is measured
BATCH_S = 0.5  # for which it is measured
GEMM = 768  # side of the matrices whose product is the machine's peak
_ALONE = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
_LIMIT_S = 600.0  # without an answer before a process counts as dead


@dataclass
class Turns:
    """What one engine did in all its turns.

    Attributes:
        facts: engine, precision, size, source: as the process tells them.
        samples: stage -> milliseconds, one list a turn; "age" is one of them.
        elapsed_s: of the measured frames; the rate is their number over it.
        tracked, frames: in how many of all frames the subject was followed.
        throughput: batch -> milliseconds of each run.
    """

    facts: dict[str, Any]
    samples: dict[str, list[list[float]]] = field(default_factory=dict)
    elapsed_s: float = 0.0
    drops: int = 0
    tracked: int = 0
    frames: int = 0
    throughput: dict[int, list[float]] = field(default_factory=dict)

    def add(self, turn: dict[str, Any]) -> None:
        for stage, values in turn["samples"].items():
            self.samples.setdefault(stage, []).append(values)
        self.elapsed_s += turn["elapsed_s"]
        self.drops += turn["drops"]
        self.tracked += turn["tracked"]
        self.frames += turn["frames"]


class Contestant:
    """A process that runs one engine when it is told to."""

    def __init__(self, source: str, model: str, device: str, threads: int = 1) -> None:
        """Start it; the first `ask`, for nothing, waits until it has loaded everything."""
        context = get_context("spawn")
        self._line, far = context.Pipe()
        self._process = context.Process(
            target=_work,
            args=(far, source, model, device, threads),
            daemon=True,
            name=f"bench {device}",
        )
        with _one_thread_each():
            self._process.start()
        far.close()

    def ask(self, *question: Any) -> Any:
        """Its answer.

        Raises:
            EngineError: it failed or died.
        """
        try:
            if question:
                self._line.send(question)
            if not self._line.poll(_LIMIT_S):
                raise EngineError(f"the process of {self._process.name} does not answer")
            answer = self._line.recv()
        except (EOFError, OSError) as error:
            raise EngineError(f"the process of {self._process.name} died") from error
        if isinstance(answer, KeycamError):
            raise answer
        return answer

    def close(self) -> None:
        self._line.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def compete(
    contestants: Sequence[Contestant], *, turns: int, frames: int, batches: Sequence[int] = BATCHES
) -> list[Turns]:
    """`frames` frames of each, spread over `turns` turns, then each of the batches."""
    order = random.Random(0)
    done = [Turns(contestant.ask()) for contestant in contestants]
    for turn in range(turns):
        share = frames // turns + (turn < frames % turns)
        for i in order.sample(range(len(contestants)), len(contestants)):
            done[i].add(contestants[i].ask("loop", share, AGAIN if turn else WARMUP))
    for batch in batches:
        for i in order.sample(range(len(contestants)), len(contestants)):
            done[i].throughput[batch] = contestants[i].ask("batch", batch, BATCH_S)
    return done


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside use one thread for linear algebra, as the engines do."""
    before = {name: os.environ.get(name) for name in _ALONE}
    os.environ.update(dict.fromkeys(_ALONE, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _work(line: Connection, source: str, model: str, device: str, threads: int) -> None:
    """The process: load, tell what was loaded, answer questions until the line is closed."""
    try:
        worker = _Worker(source, model, device, threads)
        line.send(worker.facts)
        answers: dict[str, Callable[..., Any]] = {
            "loop": worker.loop,
            "batch": worker.batch,
            "peak": worker.peak,
        }
        while True:
            kind, *arguments = line.recv()
            line.send(answers[kind](*arguments))
    except KeycamError as error:
        line.send(error)
    except (EOFError, OSError, KeyboardInterrupt):
        pass  # the other side has what it wanted


class _Worker:
    def __init__(self, source: str, model: str, device: str, threads: int) -> None:
        self._engine = load(locate(model), device, threads=threads, wait=True)
        with open_source(source) as opened:
            self._images, self._fps = decode(opened), opened.fps or 30.0
            name, size = opened.name, opened.size
        self._tracker = Tracker(self._engine)
        self._overlay = Overlay(self._engine.card.skeleton, caption=self._engine.name)
        self.facts = {
            "engine": self._engine.name,
            "precision": self._engine.precision,
            "source": name,
            "size": size,
        }

    def loop(self, frames: int, warmup: int) -> dict[str, Any]:
        """Raw times of `frames` turns of the live loop."""
        repeat = -(-(frames + warmup) // len(self._images))
        source, tally = Memory(self._images, fps=self._fps, repeat=repeat, written=True), _Tally()
        screen = Screen(self._overlay, [], [_Nowhere()])
        tracker = Prepared(self._tracker, screen)
        report = run(source, tracker, [screen, tally], frames=frames + warmup, warmup=warmup)
        assert tally.stats is not None
        return {
            "samples": tally.stats.samples(),
            "elapsed_s": frames / report.fps,
            "drops": report.dropped,
            "tracked": tally.tracked,
            "frames": report.frames,
        }

    def batch(self, batch: int, seconds: float) -> list[float]:
        """Milliseconds of each run with this many crops at once, after two that do not count."""
        size = self._engine.card.size
        crops = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), np.uint8)
        for _ in range(2):
            self._engine.run(crops)
        times: list[float] = []
        while sum(times) < seconds * 1e3 or len(times) < 5:
            started = perf_counter()
            self._engine.run(crops)
            times.append((perf_counter() - started) * 1e3)
        return times

    def peak(self) -> float:
        """GFLOP/s of the best fp32 matrix product of one thread: the machine's measured peak."""
        a = np.random.default_rng(0).random((GEMM, GEMM), np.float32)
        out, best_s = np.empty_like(a), float("inf")
        for _ in range(20):
            started = perf_counter()
            np.matmul(a, a, out=out)
            best_s = min(best_s, perf_counter() - started)
        return 2 * GEMM**3 / best_s / 1e9


class _Nowhere:
    """A view as large as a new window, that shows nothing."""

    room = FIRST_PX

    def show(self, picture: Image, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


class _Tally:
    """The sink that counts the frames in which the subject was followed, and keeps the times."""

    def __init__(self) -> None:
        self.tracked = 0
        self.stats: Timings | None = None

    def take(self, frame: Frame, pose: Pose, stats: Timings) -> None:  # noqa: ARG002 (a sink)
        self.tracked += pose.state is State.TRACK
        self.stats = stats

    def close(self) -> None:
        pass
