from threading import Barrier, Event, Thread

import numpy as np
import pytest
from blob_model import blob_card

from engines import EngineError, load
from engines.batch import Batcher
from engines.engine import Engine, Prediction

CARD = blob_card("mouse4")
POINTS = len(CARD.skeleton.keypoints)


def crops(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, CARD.size, CARD.size, 3)).astype(np.uint8)


class Slow:
    """An engine that answers each crop with its first pixel, once it is let go on."""

    card, name, precision = CARD, "slow", "fp32"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.inside = 0
        self.entered, self.go_on = Event(), Event()
        self.error: Exception | None = None
        self.closed = 0

    def run(self, crops: np.ndarray) -> Prediction:
        self.inside += 1
        assert self.inside == 1, "two threads in the engine"
        self.sizes.append(len(crops))
        self.entered.set()
        assert self.go_on.wait(10)
        self.inside -= 1
        if self.error is not None:
            raise self.error
        said = crops[:, 0, 0, 0].astype(np.float32)
        keypoints = np.broadcast_to(said[:, None, None], (len(crops), POINTS, 2)).copy()
        return Prediction(keypoints, np.broadcast_to(said[:, None], (len(crops), POINTS)).copy())

    def close(self) -> None:
        self.closed += 1


class Asking(Thread):
    """A loop that asks once."""

    def __init__(self, engine: Engine, asked: np.ndarray) -> None:
        super().__init__()
        self.engine, self.asked = engine, asked
        self.answer: Prediction | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self.engine.run(self.asked)
        except EngineError as error:
            self.error = error


def waiting(batcher: Batcher, count: int) -> None:
    """Until so many requests are queued."""
    with batcher._condition:
        assert batcher._condition.wait_for(lambda: len(batcher._waiting) >= count, 10)


def test_what_is_asked_while_the_engine_runs_is_run_at_once() -> None:
    slow = Slow()
    batcher = Batcher(slow)
    clients = [batcher.client() for _ in range(4)]
    first = Asking(clients[0], crops(1, 0))
    assert slow.entered.wait(10)
    others = [Asking(own, crops(n, n)) for n, own in enumerate(clients[1:], start=1)]
    waiting(batcher, 3)
    slow.go_on.set()
    for asking in (first, *others):
        asking.join()
        said = asking.asked[:, 0, 0, 0]
        assert asking.answer is not None
        np.testing.assert_array_equal(asking.answer.confidence[:, 0], said)  # one's own answer
        np.testing.assert_array_equal(asking.answer.keypoints[:, -1, 1], said)
    assert slow.sizes == [1, 6]
    assert batcher.runs == 2


def test_the_engines_error_reaches_all_who_asked_and_is_not_the_end() -> None:
    slow = Slow()
    batcher = Batcher(slow)
    one, two, three = (batcher.client() for _ in range(3))
    first = Asking(one, crops(1, 0))
    assert slow.entered.wait(10)
    others = [Asking(two, crops(1, 1)), Asking(three, crops(1, 2))]
    waiting(batcher, 2)
    slow.error = EngineError("the GPU failed")
    slow.go_on.set()
    for asking in (first, *others):
        asking.join()
        assert str(asking.error) == "the GPU failed"
    slow.error = None
    for own in (two, three):
        own.close()
        own.close()
    assert len(one.run(crops(2, 0)).keypoints) == 2


def test_crops_of_a_wrong_shape_are_only_their_owners_fault() -> None:
    batcher = Batcher(Slow())
    with pytest.raises(EngineError, match="crops must be"):
        batcher.client().run(np.zeros((1, 3, 3, 3), np.uint8))
    assert batcher.runs == 0


def test_the_results_of_a_real_engine_are_those_of_single_runs(blob_path) -> None:
    """Many threads at once, alone and searching; every answer is what the engine says alone."""
    alone = load(blob_path, "cpu")
    batcher = Batcher(load(blob_path, "cpu"))
    rounds, loops = 20, 4
    asked = {
        (k, r): crops((1, 4)[(k + r) % 2], 100 * k + r) for k in range(loops) for r in range(rounds)
    }
    answers: dict[tuple[int, int], Prediction] = {}
    together = Barrier(loops)
    clients = [batcher.client() for _ in range(loops)]

    def work(k: int) -> None:
        for r in range(rounds):
            together.wait(30)
            answers[k, r] = clients[k].run(asked[k, r])

    threads = [Thread(target=work, args=(k,)) for k in range(loops)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert batcher.runs < rounds * loops
    for key, mine in answers.items():
        single = alone.run(asked[key])
        np.testing.assert_allclose(mine.keypoints, single.keypoints, atol=1e-5)
        np.testing.assert_allclose(mine.confidence, single.confidence, atol=1e-5)
    batcher.close()
    alone.close()


def test_a_client_looks_like_the_engine_and_does_not_close_it() -> None:
    slow = Slow()
    batcher = Batcher(slow)
    own = batcher.client()
    assert (own.card, own.name, own.precision) == (CARD, "slow", "fp32")
    assert isinstance(own, Engine)
    own.close()
    assert slow.closed == 0
    batcher.close()
    assert slow.closed == 1
