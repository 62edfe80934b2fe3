"""What is done to keypoints over time: smoothing, its tuning, and prediction."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from engines.skeleton import Skeleton
from realtime.loop import Sink, Tracks
from realtime.prediction import Predicting, Score
from realtime.smoothing import Smoothing
from realtime.tracker import Tracker
from realtime.tuner import Tuner
from realtime.tuning import Tuned

LAG_MS = 30.0


@dataclass(frozen=True, kw_only=True)
class Filtering:
    """What a user may wish for.

    Attributes:
        smoothing: None for the usual one, or that of the recording that is replayed.
        lag_ms: tune the smoothing for this lag; None not to.
        predict: also say where keypoints will be when they are shown.
        ahead_ms: how far that is; None to measure it.
    """

    smoothing: Smoothing | None = None
    lag_ms: float | None = None
    predict: bool = False
    ahead_ms: float | None = None

    @classmethod
    def of(
        cls,
        *,
        smoothing: str | None = None,
        tune_smoothing: bool = False,
        lag: float | None = None,
        predict: float | None = None,
    ) -> Self:
        """From the options of a command; of `predict` 0 stands for measuring.

        Raises:
            DataError: the smoothing is none.
        """
        return cls(
            smoothing=None if smoothing is None else Smoothing.parse(smoothing),
            lag_ms=(lag or LAG_MS) if tune_smoothing or lag is not None else None,
            predict=predict is not None,
            ahead_ms=predict or None,
        )


def as_recorded(filtering: Filtering, options: Mapping[str, Any]) -> Filtering:
    """With the smoothing of a session's options, unless another is wished for.

    A recording that was tuned on the way is smoothed by what was found from its first frame on.

    Raises:
        DataError: the options name a smoothing that is none.
    """
    own = options.get("smoothing")
    if filtering.smoothing is not None or own is None:
        return filtering
    return replace(filtering, smoothing=Smoothing.parse(str(own)))


class Filters:
    """The parts of one loop that do what `filtering` asks for.

    Attributes:
        sinks: to come last, in this order.
        options: of the session; changed when something was found.
        notes: called with what has changed in the options, for recordings that run.
    """

    def __init__(
        self,
        filtering: Filtering,
        tracker: Tracker,
        skeleton: Skeleton,
        options: dict[str, Any],
    ) -> None:
        """Set the tracker's smoothing."""
        self.sinks: list[Sink] = []
        self.options = options
        self.notes: list[Callable[[Mapping[str, Any]], None]] = []
        self._tracker = tracker
        self._predicting: Predicting | None = None
        self._filtering = filtering
        if filtering.smoothing is not None:
            tracker.smoothing = filtering.smoothing
        options["smoothing"] = str(tracker.smoothing)
        if filtering.lag_ms is not None:
            self.sinks.append(Tuner(skeleton, filtering.lag_ms / 1e3, self._use))
        if filtering.predict:
            options["predict"] = filtering.ahead_ms or "measured"

    def over(self, tracker: Tracks) -> Tracks:
        """What the loop is to call instead of `tracker`."""
        if not self._filtering.predict:
            return tracker
        self._predicting = Predicting(tracker, self._filtering.ahead_ms)
        self.sinks.append(self._predicting)
        return self._predicting

    def found(self) -> dict[str, Any]:
        """What was tuned and how predictions went, plain JSON; empty if nothing was."""
        found = {"tuned": self.options["tuned"]} if "tuned" in self.options else {}
        score = self._predicting and self._predicting.score
        return {**found, "prediction": asdict(score)} if score else found

    def _use(self, tuned: Tuned) -> None:
        self._tracker.smoothing = tuned.smoothing
        changed = {
            "smoothing": str(tuned.smoothing),
            "tuned": {
                "smoothing": str(tuned.smoothing),
                "lag_ms": round(tuned.lag_s * 1e3, 3),
                "noise": round(tuned.typical, 6),
                "jitter": round(tuned.jitter, 3),
            },
        }
        self.options.update(changed)
        for note in self.notes:
            note(changed)


def told(found: Mapping[str, Any]) -> list[str]:
    """What `Filters.found` says, for people."""
    lines = []
    if (tuned := found.get("tuned")) is not None:
        lines.append(f"smoothing was tuned; to have it again: --smoothing {tuned['smoothing']}")
    if (prediction := found.get("prediction")) is not None:
        lines.append(Score(**prediction).to_text())
    return lines
