"""The ONNX Runtime engine for decoder files."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from engines.cpu import BACKEND_ERRORS, first_line, open_session, read_card
from engines.decoder import Feeds
from engines.errors import EngineError
from engines.geometry import Image, Points


class CpuDecoder:
    """Runs a decoder file with ONNX Runtime in fp32.

    Attributes:
        asks_pose: the graph takes the reference's keypoints too.
    """

    precision = "fp32"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open `path`.

        Raises:
            EngineError: unreadable, truncated, not ONNX, or not a keycam decoder.
        """
        self._session = open_session(path, threads)
        self.card = read_card(self._session, path, "decoder")
        self.name = f"onnxruntime {ort.__version__} cpu, {threads} thread{'s'[: threads > 1]}"
        self.asks_pose = self._check_graph(path)
        self._feeds = Feeds(self.card, asks_pose=self.asks_pose)

    def prepare(self, reference: Image, keypoints: Points) -> None:
        self._feeds.prepare(reference, keypoints)

    def draw(self, keypoints: Points) -> Image:
        feeds = self._feeds.of(keypoints)
        try:
            (picture,) = self._session.run(["picture"], feeds)
        except BACKEND_ERRORS as error:
            raise EngineError(f"ONNX Runtime failed: {first_line(error)}") from error
        return np.asarray(picture if keypoints.ndim == 3 else picture[0], np.uint8)

    def close(self) -> None:
        self._feeds = Feeds(self.card, asks_pose=self.asks_pose)

    def _check_graph(self, path: Path) -> bool:
        """Whether the graph asks for the reference's keypoints; refuses one that is no decoder."""
        points, size = len(self.card.skeleton.keypoints), self.card.size
        nodes = self._session.get_inputs() + self._session.get_outputs()
        found = {node.name: (node.type, node.shape[1:]) for node in nodes}
        pose = ("tensor(float)", [points, 2])
        picture = ("tensor(uint8)", [size, size, 3])
        wanted = {"reference": picture, "keypoints": pose, "picture": picture}
        if found not in (wanted, {**wanted, "pose": pose}):
            raise EngineError(f"{path}: the graph does not match its card; export it again")
        return "pose" in found
