"""Which device runs a model: the choice between the CPU and a GPU, with the reasons."""

import importlib.util
import re
from dataclasses import dataclass
from typing import Literal

from engines import cuda, nvinfer
from engines.errors import EngineError

PACKAGES = ("filelock", "onnx")  # what plans are built with, besides TensorRT
_CUDA = re.compile(r"cuda(?::([0-9]{1,3}))?")


@dataclass(frozen=True)
class Choice:
    """What will run a model.

    Attributes:
        device: "cpu" or "cuda:N".
        engine: who runs it there.
        reasons: why it is not a GPU, one line each; none where it is, or where the CPU was
            asked for.
        forced: a GPU was asked for by name: no other device may take its place for good.
    """

    device: str
    engine: Literal["cpu", "tensorrt"]
    reasons: tuple[str, ...] = ()
    forced: bool = False

    @property
    def index(self) -> int:
        """N of "cuda:N"; 0 for the CPU."""
        return int(self.device.partition(":")[2] or 0)


def choose(device: str) -> Choice:
    """The device that `device` stands for: "cpu", "cuda" (the first GPU), "cuda:N", or "auto".

    "auto" is the first GPU if TensorRT can use it, else the CPU with the reasons why.

    Raises:
        EngineError: no such device, or a GPU that was asked for cannot be used; all reasons are
            in the message.
    """
    if device == "cpu":
        return Choice("cpu", "cpu")
    match = _CUDA.fullmatch("cuda" if device == "auto" else device)
    if match is None:
        raise EngineError(f"there is no device '{device}'; use auto, cpu, cuda or cuda:N")
    index = int(match[1] or 0)
    reasons = obstacles(index)
    if not reasons:
        return Choice(f"cuda:{index}", "tensorrt", forced=device != "auto")
    if device == "auto":
        return Choice("cpu", "cpu", tuple(reasons))
    raise EngineError(f"no engine for {device}: {'; '.join(reasons)}; or use --device cpu")


def obstacles(index: int) -> list[str]:
    """Everything that keeps TensorRT from using GPU `index`, one line each.

    TensorRT is loaded, which takes a second, only where nothing else stands in the way.
    """
    reasons = cuda.obstacles(index)
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        reasons.append(f"{', '.join(missing)} not installed: {nvinfer.INSTALL}")
    own = nvinfer.obstacle(thorough=not reasons)
    return [*reasons, own] if own else reasons
