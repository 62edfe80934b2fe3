"""The TensorRT engines: a tracker's and a decoder's plan on a GPU."""

import numpy as np

from engines.card import Card
from engines.cuda import Tensors
from engines.decoder import Feeds
from engines.engine import Prediction, check_crops
from engines.geometry import Image, Points
from engines.plan_runner import PlanRunner

_BYTE, _FLOAT = np.dtype(np.uint8), np.dtype(np.float32)


class TensorRtEngine:
    """Runs a tracker's plan on one GPU; see `engines.plan_runner`."""

    def __init__(self, plan: bytes, card: Card, index: int, *, precision: str) -> None:
        """
        Args:
            plan: for GPU `index`, trusted: a damaged one may end the process.

        Raises:
            EngineError: TensorRT refuses the plan, or it is not that of the card's model.
        """
        self.card = card
        self.precision = precision
        points, size = len(card.skeleton.keypoints), card.size
        inputs = {"crop": ((1, size, size, 3), _BYTE)}
        outputs = {"keypoints": ((1, points, 2), _FLOAT), "confidence": ((1, points), _FLOAT)}
        self._runner = PlanRunner(plan, index, inputs, outputs)
        self.name, self.batch = self._runner.name, self._runner.batch

    @property
    def captured(self) -> bool:
        """Whether every batch size seen so far runs as a CUDA graph."""
        return self._runner.captured

    def run(self, crops: Image) -> Prediction:
        check_crops(crops, self.card.size)
        outputs = self._runner.run({"crop": crops})
        return Prediction(outputs["keypoints"], outputs["confidence"])

    def close(self) -> None:
        self._runner.close()


class TensorRtDecoder:
    """Runs a decoder's plan on one GPU; see `engines.plan_runner`."""

    def __init__(
        self, plan: bytes, card: Card, index: int, *, precision: str, asks_pose: bool
    ) -> None:
        """
        Args:
            plan: for GPU `index`, trusted: a damaged one may end the process.
            asks_pose: the graph takes the reference's keypoints, too.

        Raises:
            EngineError: TensorRT refuses the plan, or it is not that of the card's model.
        """
        self.card = card
        self.precision = precision
        pose = ((1, len(card.skeleton.keypoints), 2), _FLOAT)
        picture = ((1, card.size, card.size, 3), _BYTE)
        inputs: Tensors = {"reference": picture, "keypoints": pose}
        inputs = {**inputs, "pose": pose} if asks_pose else inputs
        self._runner = PlanRunner(plan, index, inputs, {"picture": picture})
        self.name, self.batch = self._runner.name, self._runner.batch
        self._feeds = Feeds(card, asks_pose=asks_pose)

    def prepare(self, reference: Image, keypoints: Points) -> None:
        self._feeds.prepare(reference, keypoints)

    def draw(self, keypoints: Points) -> Image:
        picture = self._runner.run(self._feeds.of(keypoints))["picture"]
        return picture if keypoints.ndim == 3 else np.asarray(picture[0])

    def close(self) -> None:
        self._runner.close()
