"""Which teacher of a run is taken, and when the run ends by itself: both by held-out frames."""

import json
import logging
from pathlib import Path

import torch

from train import checkpoint
from train.config import Config
from train.criterion import Exam, measure
from train.holdout import hold_out
from train.metrics import Metrics
from train.parts import Parts
from train.prior import Prior
from train.videos import Footage

log = logging.getLogger(__name__)


class Choice:
    """Measures the running-mean teacher at every checkpoint and keeps the best in `best/`.

    What was measured stands in the run's metrics, stage "criterion"; all else is worked out from
    those lines, so a resumed run chooses as an unbroken one. A run that holds no frames out takes
    its last teacher.

    Attributes:
        footage: what may be learnt from.
        best_step: of the best teacher so far; 0 before the first.
        ended: whether nothing better has come for so long that training should stop.
    """

    def __init__(
        self, footage: Footage, prior: Prior, config: Config, folder: Path, device: torch.device
    ) -> None:
        self.footage, held = hold_out(footage, config.held_out, config.seed)
        self.best_step = 0
        self.ended = False
        self._exam = None if held is None else Exam.of(held, prior, config)
        self._config = config
        self._folder = folder
        self._device = device
        self._metrics = Metrics(folder / "metrics.jsonl", "criterion")
        self._best = self._mark = float("inf")
        self._waited = 0
        if config.held_out and held is None:
            log.warning("too little footage to hold frames out: the last teacher will be taken")

    def resume(self, step: int, parts: Parts) -> None:
        """Go on from the checkpoint of `step`, which `parts` hold."""
        self._metrics.rewind(step)
        for line in self._lines():
            self._weigh(line["step"], line["total"])
        if step and self.best_step == step:
            self.keep(parts)  # a kill may have come between the checkpoint and the best teacher

    def judge(self, step: int, parts: Parts) -> None:
        """Measure the teacher after `step` steps; to be called before the checkpoint is saved."""
        if self._exam is None:
            return
        scores = measure(parts.teacher, parts.renderer, self._exam, self._device)
        self._metrics.write(step, **scores)
        self._weigh(step, self._lines()[-1]["total"])  # as written, so as a resumed run reads it
        log.info("step %d: criterion %.4f, best %.4f", step, scores["total"], self._best)

    def keep(self, parts: Parts) -> None:
        """Write the teacher to `best/` if the last judged was the best; after the checkpoint."""
        lines = self._lines()
        if lines and lines[-1]["step"] == self.best_step:
            checkpoint.save(self._folder / "best", parts.teacher, {}, lines[-1])

    def take_best(self, parts: Parts) -> None:
        """Put the best teacher's weights in the place of the last one's.

        Raises:
            DataError: `best/` is damaged.
        """
        lines = self._lines()
        if not lines:
            return
        last = lines[-1]["step"]
        if self.ended:
            log.info(
                "stopped after %d of %d steps: %d checkpoints without a teacher %g %% better",
                *(last, self._config.steps, self._waited, 100 * self._config.least_gain),
            )
        checkpoint.load(self._folder / "best", parts.teacher, {})
        log.info(
            "the teacher of step %d is taken: criterion %.4f on frames held out (the last, of step "
            "%d: %.4f)",
            *(self.best_step, self._best, last, lines[-1]["total"]),
        )

    def _weigh(self, step: int, total: float) -> None:
        if total < self._best:
            self._best, self.best_step = total, step
        better = total < self._mark * (1 - self._config.least_gain)
        if better or step < self._config.judged_from:
            self._mark, self._waited = min(self._mark, total), 0
        else:
            self._waited += 1
        self.ended = 0 < self._config.patience <= self._waited

    def _lines(self) -> list[dict[str, float]]:
        path = self._metrics.path
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
        return [
            {name: value for name, value in line.items() if name != "stage"}
            for line in lines
            if line["stage"] == "criterion"
        ]


def taken_step(folder: Path) -> int | None:
    """The step of the teacher that a run has taken; None where it took its last."""
    best = folder / "best" / "progress.json"
    return int(json.loads(best.read_text())["step"]) if best.exists() else None
