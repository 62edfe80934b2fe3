"""One engine for several loops: what they ask at about the same time is run at once."""

from threading import Condition
from time import monotonic

import numpy as np

from engines.card import Card
from engines.engine import Engine, Prediction, check_crops
from engines.geometry import Image

WINDOW_S = 0.001  # that the first to ask waits for others


class _Ticket:
    """One request, and in time its answer."""

    def __init__(self, crops: Image) -> None:
        self.crops = crops
        self.due = monotonic() + WINDOW_S
        self.answer: Prediction | None = None
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.answer is not None or self.error is not None


class Batcher:
    """Runs `engine`, which it owns, for as many clients as there are, on the clients' threads.

    Whoever asks first waits for the others, no longer than WINDOW_S; then it runs the crops of all
    as one batch while the next requests gather. Only one thread at a time is in the engine.

    Attributes:
        runs: of the engine so far.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.runs = 0
        self._condition = Condition()
        self._waiting: list[_Ticket] = []
        self._clients = 0
        self._leading = False

    def client(self) -> "Client":
        """An engine for one more loop."""
        with self._condition:
            self._clients += 1
        return Client(self)

    def run(self, crops: Image) -> Prediction:
        """As of an engine, from any thread.

        Raises:
            EngineError: wrong shape or type, or the backend failed.
        """
        check_crops(crops, self.engine.card.size)
        ticket = _Ticket(crops)
        with self._condition:
            self._waiting.append(ticket)
            self._condition.notify_all()
            self._condition.wait_for(lambda: ticket.done or not self._leading)
            batch = None if ticket.done else self._gather()
        if batch is not None:
            self._serve(batch)
        if ticket.error is not None:
            raise ticket.error
        assert ticket.answer is not None
        return ticket.answer

    def leave(self) -> None:
        """A client asks no more."""
        with self._condition:
            self._clients -= 1
            self._condition.notify_all()

    def close(self) -> None:
        self.engine.close()

    def _gather(self) -> list[_Ticket]:
        """Take the lead: wait for the others a little, and take all requests there are."""
        self._leading = True
        left_s = self._waiting[0].due - monotonic()
        self._condition.wait_for(lambda: len(self._waiting) >= self._clients, max(left_s, 0))
        batch, self._waiting = self._waiting, []
        return batch

    def _serve(self, batch: list[_Ticket]) -> None:
        error: Exception | None = None
        try:
            single = batch[0].crops
            crops = single if len(batch) == 1 else np.concatenate([own.crops for own in batch])
            keypoints, confidence = self.engine.run(crops)
        except Exception as caught:  # noqa: BLE001 (every client of the batch gets it)
            error = caught
        with self._condition:
            self.runs += 1
            first = 0
            for ticket in batch:
                ticket.error = error
                if error is None:
                    own = slice(first, first + len(ticket.crops))
                    ticket.answer = Prediction(keypoints[own], confidence[own])
                    first = own.stop
            self._leading = False
            self._condition.notify_all()


class Client:
    """The engine that one loop sees; `close` leaves the others theirs."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._closed = False

    @property
    def card(self) -> Card:
        return self._batcher.engine.card

    @property
    def name(self) -> str:
        return self._batcher.engine.name

    @property
    def precision(self) -> str:
        return self._batcher.engine.precision

    def run(self, crops: Image) -> Prediction:
        return self._batcher.run(crops)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._batcher.leave()
