"""An engine that starts on one backend and moves to a better one when that is ready."""

import logging
from collections.abc import Callable

from engines.card import Card
from engines.engine import Engine, Prediction, check_crops
from engines.errors import EngineError
from engines.geometry import Image
from engines.job import Job

log = logging.getLogger(__name__)


class SwapEngine:
    """Runs on `first` while `make` makes another engine in the background, then on that one.

    The change happens between two runs. `name` and `precision` always say what ran last, or will
    run next. Where the other engine cannot be made, or fails later, `first` goes on, unless
    `forced`: then the error is raised.
    """

    def __init__(
        self, first: Engine, make: Callable[[Callable[[float], bool]], Engine], *, forced: bool
    ) -> None:
        """Takes `first` over, which is closed with it."""
        self._first = first
        self._engine = first
        self._forced = forced
        self._job: Job[Engine] | None = Job(make)
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

    def run(self, crops: Image) -> Prediction:
        check_crops(crops, self.card.size)
        if self._job is not None and self._job.done:
            self.settle()
        if self._engine is self._first:
            return self._first.run(crops)
        try:
            return self._engine.run(crops)
        except EngineError as error:
            if self._forced:
                raise
            log.warning("%s; going on with %s", error, self._first.name)
            lost, self._engine = self._engine, self._first
            try:
                lost.close()
            except EngineError as other:
                log.debug("%s", other)
            return self._first.run(crops)

    def settle(self) -> None:
        """Wait for the other engine and take it; called where the best engine is to run at once.

        Raises:
            EngineError: it cannot be had, and `forced`.
        """
        job, self._job = self._job, None
        if job is None:
            return
        try:
            self._engine = job.result()
        except EngineError as error:
            if self._forced:
                raise
            log.warning("%s; staying with %s", error, self._first.name)
        else:
            log.info("now on %s, %s", self._engine.name, self._engine.precision)

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
