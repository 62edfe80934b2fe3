"""Who records the files of an archive: processes of this machine, or a Ray cluster."""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any

import cv2

from realtime.archive import Job, Options, Outcome, do, plan

DIED = "the process that read it died; is the file damaged?"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What a run over many files did; `seconds` from its start to its end, processes' start too."""

    outcomes: tuple[Outcome, ...]
    workers: int
    seconds: float

    @property
    def frames(self) -> int:
        """Recorded by this run."""
        return sum(own.frames for own in self.outcomes if own.status == "recorded")

    @property
    def worker_fps(self) -> float:
        """Frames per second of one worker while it tracks; 0 if nothing was recorded."""
        busy = sum(own.seconds for own in self.outcomes if own.status == "recorded")
        return self.frames / busy if busy else 0.0

    @property
    def failed(self) -> int:
        return sum(own.status == "failed" for own in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        return {
            "workers": self.workers,
            "frames": self.frames,
            "seconds": self.seconds,
            "fps": self.frames / self.seconds,
            "worker_fps": self.worker_fps,
            "files": [asdict(own) for own in self.outcomes],
        }

    def to_text(self) -> str:
        counts = [
            f"{sum(own.status == status for own in self.outcomes)} {status}"
            for status in ("recorded", "skipped", "failed")
        ]
        lines = [f"failed  {own.source}: {own.message}" for own in self.outcomes if own.message]
        lines.append(f"{len(self.outcomes)} files: {', '.join(counts)}")
        lines.append(
            f"{self.frames} frames in {self.seconds:.1f} s: {self.frames / self.seconds:.1f} per "
            f"second by {self.workers} workers, {self.worker_fps:.1f} each while tracking"
        )
        return "\n".join(lines)


def record_all(
    sources: Sequence[str],
    output: Path,
    options: Options,
    *,
    workers: int | None = None,
    ray: str | None = None,
) -> Archive:
    """Record every file that `sources` name to a session below `output`.

    Run again, it skips what is finished. A file that fails is in the outcomes and does not stop
    the others. The sessions are those that one process makes, whoever makes them.

    Args:
        workers: how many at a time; None for one per core, or for all of the cluster.
        ray: address of a cluster that sees the files under the same paths; "local" for one
            started here, None for processes of this machine.

    Raises:
        DataError: the sources name nothing.
        ModuleNotFoundError: `ray` is asked for and not installed.
    """
    jobs = plan(sources, output, options)
    started = monotonic()
    outcomes = []
    count = min(workers or os.cpu_count() or 1, len(jobs))
    arriving = processes(jobs, count) if ray is None else cluster(jobs, ray, workers)
    for own in arriving:
        outcomes.append(own)
        what = f"{own.frames} frames" if own.status != "failed" else own.message
        log.info("%d/%d %s %s: %s", len(outcomes), len(jobs), own.status, own.source, what)
    seconds = monotonic() - started
    order = {job.source: number for number, job in enumerate(jobs)}
    outcomes.sort(key=lambda own: order[own.source])
    return Archive(outcomes=tuple(outcomes), workers=count, seconds=seconds)


class Process:
    """One process that does jobs; a job that kills it fails, and the next gets a new one."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def do(self, job: Job) -> Outcome:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_prepare)
        try:
            return self._pool.submit(do, job).result()
        except BrokenProcessPool:
            self.close()
            return _failed(job, DIED)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def processes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """The outcomes as they come, from `workers` processes of this machine."""
    idle: SimpleQueue[Process] = SimpleQueue()
    own = [Process() for _ in range(workers)]
    for process in own:
        idle.put(process)

    def take(job: Job) -> Outcome:
        process = idle.get()
        try:
            return process.do(job)
        finally:
            idle.put(process)

    threads = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([threads.submit(take, job) for job in jobs]):
            yield future.result()
    finally:
        threads.shutdown(cancel_futures=True)
        for process in own:
            process.close()


def cluster(jobs: Sequence[Job], address: str, workers: int | None) -> Iterator[Outcome]:
    """The outcomes from a Ray cluster, one core per job; a job that never answers has failed."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        context = ray.data.DataContext.get_current()
        context.max_errored_blocks = -1
        context.enable_progress_bars = False
        rows = ray.data.from_items([{"number": n} for n in range(len(jobs))])
        rows = rows.repartition(len(jobs)).map(
            _Doer, fn_constructor_args=(list(jobs),), concurrency=workers or (1, len(jobs))
        )
        left = dict(enumerate(jobs))
        for row in rows.iter_rows():
            del left[row.pop("number")]
            yield Outcome(**row)
        yield from (_failed(job, DIED) for job in left.values())
    finally:
        ray.shutdown()


class _Doer:
    """What a Ray worker runs."""

    def __init__(self, jobs: list[Job]) -> None:
        _prepare()
        self._jobs = jobs

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, **asdict(do(self._jobs[row["number"]]))}


def _prepare() -> None:
    """One core for each worker: OpenCV would take them all."""
    cv2.setNumThreads(1)


def _failed(job: Job, message: str) -> Outcome:
    session = str(Path(job.output) / job.name)
    return Outcome(source=job.source, session=session, status="failed", message=message)
