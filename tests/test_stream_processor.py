from pathlib import Path

import numpy as np
import pytest
from doubles import FakeSink, FakeTracker
from streaming import HERE, MOUSE, frame

from engines import DataError
from realtime.loop import run
from realtime.memory import Memory
from realtime.stream.processor import Processed

CODE = """
from __future__ import annotations
from dataclasses import dataclass, replace

@dataclass
class Settings:
    shift: float = 10

class Shift:
    log = []
    def __init__(self, skeleton):
        self.log.append(("made", skeleton.name))
    def process(self, frame, pose):
        self.log.append(frame.index)
        return replace(pose, keypoints_px=pose.keypoints_px + Settings().shift)
    def close(self):
        self.log.append("closed")

class Look:
    def __init__(self, skeleton): pass
    def process(self, frame, pose): pass

class Fails(Look):
    def process(self, frame, pose):
        return 1 / (frame.index - 2)

class Array(Look):
    def process(self, frame, pose): return pose.keypoints_px

class Short(Look):
    def process(self, frame, pose): return replace(pose, confidence=pose.confidence[:2])

class Unmade(Look):
    def __init__(self): pass

class Unclosed(Look):
    def close(self): raise OSError("stuck")

def function(frame, pose): pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def processed(file: Path, name: str) -> Processed:
    return Processed(FakeTracker(HERE), f"{file}:{name}", MOUSE)


def test_what_it_returns_goes_to_everybody(file: Path) -> None:
    own, sink = processed(file, "Shift"), FakeSink()
    report = run(Memory([frame(i).image for i in range(20)]), own, [sink])
    pose = own.track(frame(20))
    own.close()
    np.testing.assert_allclose(pose.keypoints_px, HERE.keypoints_px + 10)
    assert own._processor.log == [("made", "mouse4"), *range(21), "closed"]
    assert report.stages["process"].n == 10
    assert own._tracker.resets == 1


def test_nothing_returned_leaves_the_pose(file: Path) -> None:
    own = processed(file, "Look")
    assert own.track(frame(0)) is HERE
    own.close()


def test_its_mistakes_end_the_run_with_the_place(file: Path) -> None:
    own, sink = processed(file, "Fails"), FakeSink()
    with pytest.raises(DataError, match=r"process of frame 0 .*int.*|return a Pose"):
        own.track(frame(0))
    with pytest.raises(DataError) as caught:
        own.track(frame(2))
    assert "ZeroDivisionError" in str(caught.value)
    line = CODE.splitlines().index("        return 1 / (frame.index - 2)") + 1
    assert f"mine.py, line {line}" in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert sink.closed == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("Array", "process returned ndarray; return a Pose"), ("Short", r"shape \(2,\)")],
)
def test_what_is_no_pose_is_refused(file: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        processed(file, name).track(frame(0))


@pytest.mark.parametrize("text", ["", "mine.py", ":Shift", "mine.py:", "mine.py:a b", "x.py:1"])
def test_what_names_no_class_is_told_the_form(text: str) -> None:
    with pytest.raises(DataError, match="say FILE:CLASS"):
        Processed(FakeTracker(HERE), text, MOUSE)


def test_what_is_not_there_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(CODE)
    for missing in (tmp_path / "none.py", tmp_path / "notes.txt", tmp_path):
        with pytest.raises(DataError, match="no Python file"):
            processed(missing, "Shift")
    for name in ("None_", "function", "Settings", "replace"):
        with pytest.raises(DataError, match="has no class"):
            processed(file, name)


def test_files_that_do_not_work_are_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    broken, sad = tmp_path / "broken.py", tmp_path / "sad.py"
    broken.write_text("class Broken\n")
    sad.write_text("import no_such_package_of_mine\n")
    for path, words in ((broken, "SyntaxError"), (sad, "no_such_package_of_mine")):
        with pytest.raises(DataError, match=words) as caught:
            processed(path, "Broken")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="making it failed with TypeError"):
        processed(file, "Unmade")
    with pytest.raises(DataError, match="close failed with OSError: stuck"):
        processed(file, "Unclosed").close()
