"""The ONNX Runtime engine for decoder files."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from engines.cpu import first_line, open_session, read_card
from engines.decoder import check_poses, check_reference
from engines.errors import EngineError
from engines.geometry import Image, Points

_BACKEND_ERRORS = (RuntimeError, ValueError, OSError)


class CpuDecoder:
    """Runs a decoder file with ONNX Runtime in fp32."""

    precision = "fp32"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open `path`.

        Raises:
            EngineError: unreadable, truncated, not ONNX, or not a keycam decoder.
        """
        self._session = open_session(path, threads)
        self.card = read_card(self._session, path, "decoder")
        self.name = f"onnxruntime {ort.__version__} cpu, {threads} thread{'s'[: threads > 1]}"
        self._check_graph(path)
        self._reference: dict[str, Image | Points] = {}

    def prepare(self, reference: Image, keypoints: Points) -> None:
        check_reference(reference, keypoints, self.card)
        feeds: dict[str, Image | Points] = {"reference": reference[None].copy()}
        if self._asks_pose:
            feeds["pose"] = keypoints[None].astype(np.float32)
        self._reference = feeds

    def draw(self, keypoints: Points) -> Image:
        if not self._reference:
            raise EngineError("there is no reference picture yet: prepare one first")
        check_poses(keypoints, self.card)
        points = len(self.card.skeleton.keypoints)
        poses = np.ascontiguousarray(keypoints, np.float32).reshape(-1, points, 2)
        try:
            (picture,) = self._session.run(["picture"], {**self._reference, "keypoints": poses})
        except _BACKEND_ERRORS as error:
            raise EngineError(f"ONNX Runtime failed: {first_line(error)}") from error
        return np.asarray(picture if keypoints.ndim == 3 else picture[0], np.uint8)

    def close(self) -> None:
        self._reference = {}

    def _check_graph(self, path: Path) -> None:
        points, size = len(self.card.skeleton.keypoints), self.card.size
        nodes = self._session.get_inputs() + self._session.get_outputs()
        found = {node.name: (node.type, node.shape[1:]) for node in nodes}
        pose = ("tensor(float)", [points, 2])
        self._asks_pose = "pose" in found  # the method's own decoder does not
        if found != {
            "reference": ("tensor(uint8)", [size, size, 3]),
            **({"pose": pose} if self._asks_pose else {}),
            "keypoints": pose,
            "picture": ("tensor(uint8)", [size, size, 3]),
        }:
            raise EngineError(f"{path}: the graph does not match its card; export it again")
