"""An engine without a network, for tests of whatever uses one."""

from collections.abc import Callable

from engines.card import Card
from engines.engine import Prediction
from engines.geometry import Image


class FakeEngine:
    """Answers with whatever `answer(crops)` returns; counts its calls."""

    name = "fake"
    precision = "none"

    def __init__(self, card: Card, answer: Callable[[Image], Prediction]) -> None:
        self.card = card
        self.calls = 0
        self.closed = False
        self._answer = answer

    def run(self, crops: Image) -> Prediction:
        self.calls += 1
        return self._answer(crops)

    def close(self) -> None:
        self.closed = True
