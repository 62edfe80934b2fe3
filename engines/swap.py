"""An engine that starts on one backend and moves to a better one when that is ready."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from engines.card import Card
from engines.decoder import Decoder, check_poses, check_reference
from engines.engine import Engine, Prediction, check_crops
from engines.errors import EngineError
from engines.geometry import Image, Points
from engines.job import Job

log = logging.getLogger(__name__)
E = TypeVar("E", Engine, Decoder)
T = TypeVar("T")


class _Swap(Generic[E]):
    """Runs on `first` while `make` makes another engine in the background, then on that one.

    The change happens between two runs. `name` and `precision` always say what ran last, or will
    run next. Where the other engine cannot be made, or fails later, `first` goes on, unless
    `forced`: then the error is raised.
    """

    def __init__(
        self, first: E, make: Callable[[Callable[[float], bool]], E], *, forced: bool
    ) -> None:
        """Takes `first` over, which is closed with it."""
        self._first: E = first
        self._engine: E = first
        self._forced = forced
        self._job: Job[E] | None = Job(make)
        self._closed = False

    @property
    def card(self) -> Card:
        return self._first.card

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def caption(self) -> str:
        """The name, and how far the other engine is."""
        job = self._job
        return self.name if job is None else f"{self.name} (TensorRT plan: {job.part:.0%})"

    @property
    def precision(self) -> str:
        return self._engine.precision

    @property
    def settled(self) -> bool:
        """Whether no change is to come any more."""
        return self._job is None

    def _do(self, call: Callable[[E], T]) -> T:
        """`call` with the engine of the moment, or the first one where that fails."""
        if self._job is not None and self._job.done:
            self.settle()
        if self._engine is self._first:
            return call(self._first)
        try:
            return call(self._engine)
        except EngineError as error:
            if self._forced:
                raise
            log.warning("%s; going on with %s", error, self._first.name)
            lost, self._engine = self._engine, self._first
            try:
                lost.close()
            except EngineError as other:
                log.debug("%s", other)
            return call(self._first)

    def settle(self) -> None:
        """Wait for the other engine and take it; called where the best engine is to run at once.

        Raises:
            EngineError: it cannot be had, and `forced`.
        """
        job, self._job = self._job, None
        if job is None:
            return
        try:
            self._engine = self._ready(job.result())
        except EngineError as error:
            if self._forced:
                raise
            log.warning("%s; staying with %s", error, self._first.name)
        else:
            log.info("now on %s, %s", self._engine.name, self._engine.precision)

    def _ready(self, engine: E) -> E:
        """What takes over, told what the first was told."""
        return engine

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        job, self._job = self._job, None
        if job is not None:
            job.stop()
            try:
                job.result().close()
            except EngineError as error:
                log.debug("%s", error)
        if self._engine is not self._first:
            self._engine.close()
        self._first.close()


class SwapEngine(_Swap[Engine]):
    """A tracker's engine that moves to a better one; see `_Swap`."""

    def run(self, crops: Image) -> Prediction:
        check_crops(crops, self.card.size)
        return self._do(lambda engine: engine.run(crops))


class SwapDecoder(_Swap[Decoder]):
    """A decoder that moves to a better engine; see `_Swap`. Both have the same reference."""

    _reference: tuple[Image, Points] | None = None

    def prepare(self, reference: Image, keypoints: Points) -> None:
        check_reference(reference, keypoints, self.card)
        self._reference = reference.copy(), keypoints.copy()
        self._first.prepare(reference, keypoints)
        if self._engine is not self._first:
            self._engine.prepare(reference, keypoints)

    def draw(self, keypoints: Points) -> Image:
        check_poses(keypoints, self.card)
        if self._reference is None:
            raise EngineError("there is no reference picture yet: prepare one first")
        return self._do(lambda decoder: decoder.draw(keypoints))

    def _ready(self, engine: Decoder) -> Decoder:
        if self._reference is not None:
            engine.prepare(*self._reference)
        return engine
