"""The user's own code in the loop, in the manner of DeepLabCut-live's processors.

A processor is a class in a file of the user's:

    class Reward:
        def __init__(self, skeleton): ...         # engines.Skeleton: names of the points
        def process(self, frame, pose): ...       # realtime.frame: Frame, Pose
        def close(self): ...                      # if there is anything to close

`process` is called on the loop's thread for every frame, as soon as its pose is known and before
anybody else gets it. It may return another `Pose` (`dataclasses.replace`), which then goes to the
window, the recording and the streams, or nothing to leave it as it is. What it takes delays the
loop and is measured as the stage "process".
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from time import perf_counter
from traceback import extract_tb
from typing import Any, Protocol

from engines.errors import DataError, KeycamError
from engines.skeleton import Skeleton
from realtime.frame import Frame, Pose
from realtime.loop import Tracks


class Processor(Protocol):
    def process(self, frame: Frame, pose: Pose) -> Pose | None: ...


class Processed:
    """A tracker whose every pose goes through a processor, which it owns."""

    def __init__(self, tracker: Tracks, text: str, skeleton: Skeleton) -> None:
        """
        Args:
            text: FILE:CLASS.

        Raises:
            DataError: there is no such file or class, or it does not work.
        """
        self._tracker = tracker
        self._text = text
        self._points = len(skeleton.keypoints)
        self._stages: dict[str, float] = {}
        self._processor = load_processor(text, skeleton)

    @property
    def stages(self) -> Mapping[str, float]:
        """As the tracker's, and "process"."""
        return self._stages

    def reset(self) -> None:
        self._tracker.reset()

    def track(self, frame: Frame) -> Pose:
        """
        Raises:
            DataError: the processor failed, or returned something else than a pose.
        """
        pose = self._tracker.track(frame)
        started = perf_counter()
        with blamed(self._text, f"process of frame {frame.index}"):
            answer = self._processor.process(frame, pose)
        took_ms = (perf_counter() - started) * 1e3
        self._stages = {**getattr(self._tracker, "stages", {}), "process": took_ms}
        return pose if answer is None else self._checked(answer)

    def close(self) -> None:
        """
        Raises:
            DataError: the processor failed to.
        """
        close = getattr(self._processor, "close", None)
        if close is not None:
            with blamed(self._text, "close"):
                close()

    def _checked(self, answer: object) -> Pose:
        if not isinstance(answer, Pose):
            kind = type(answer).__name__
            raise DataError(f"{self._text}: process returned {kind}; return a Pose, or nothing")
        count = self._points
        due = ((answer.raw_px, (count, 2)), (answer.keypoints_px, (count, 2)))
        for array, shape in (*due, (answer.confidence, (count,))):
            if array is not None and array.shape != shape:
                raise DataError(
                    f"{self._text}: process returned a pose with an array of shape {array.shape}, "
                    f"where {shape} is due"
                )
        return answer


def load_processor(text: str, skeleton: Skeleton) -> Processor:
    """Make the processor that `text`, FILE:CLASS, names.

    Raises:
        DataError: there is no such file or class, or it cannot be made.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file or not name.isidentifier():
        raise DataError(f"--processor {text}: say FILE:CLASS, as in reward.py:Reward")
    spec = spec_from_file_location(f"processor_{path.stem}", path) if path.suffix == ".py" else None
    if spec is None or spec.loader is None or not path.is_file():
        raise DataError(f"--processor {text}: there is no Python file {file}")
    module = sys.modules[spec.name] = module_from_spec(spec)  # dataclasses look for it there
    with blamed(text, "import"):
        spec.loader.exec_module(module)
    kind: Any = getattr(module, name, None)
    if not callable(getattr(kind, "process", None)):
        raise DataError(f"--processor {text}: {file} has no class {name} with process(frame, pose)")
    with blamed(text, "making it"):
        processor: Processor = kind(skeleton)
    return processor


@contextmanager
def blamed(text: str, doing: str) -> Iterator[None]:
    """Errors of the user's code as one line that says where.

    Raises:
        DataError: there was one.
    """
    try:
        yield
    except KeycamError:
        raise
    except Exception as error:
        line = extract_tb(error.__traceback__)[-1]
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(
            f"{text}: {doing} failed with {reason} ({Path(line.filename).name}, line "
            f"{line.lineno}); -v shows more"
        ) from error
