"""Streams and processors as parts of a run, by the public functions and by the command line."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import keycam, refused

from engines import DataError
from realtime import outputs, pipeline
from realtime.pipeline import Wanted, watch
from realtime.session import SessionError, open_session
from realtime.stream import stream

CLIP = "synthetic:frames=6,size=160x120,fps=100"
PROCESSOR = """
import dataclasses
class Centre:
    def __init__(self, skeleton): pass
    def process(self, frame, pose):
        if pose.keypoints_px is not None:
            return dataclasses.replace(pose, keypoints_px=pose.keypoints_px * 0 + 7)
class Fails(Centre):
    def process(self, frame, pose): raise ValueError("no")
"""


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        own.settimeout(30)
        yield own


@pytest.fixture
def processor(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(PROCESSOR)
    return path


@pytest.fixture(autouse=True)
def _nothing_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(stream, "QUEUE", 1000)


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def address(receiver: socket.socket) -> str:
    return f"udp://127.0.0.1:{receiver.getsockname()[1]}"


def received(receiver: socket.socket, how_many: int) -> list[dict]:
    """So many pose messages."""
    poses: list[dict] = []
    while len(poses) < how_many:
        message = json.loads(receiver.recv(65536))
        if "schema" not in message:
            poses.append(message)
    return poses


def test_what_is_sent_is_what_is_recorded(
    receiver: socket.socket, blob_path: Path, tmp_path: Path
) -> None:
    result = keycam(
        *("record", CLIP, "-m", blob_path, "-o", tmp_path / "s"),
        *("--to", address(receiver), "--to", address(receiver)),
    )
    assert result.exit_code == 0, result.output
    sent = sorted(received(receiver, 12), key=lambda pose: pose["frame"])
    lines = (tmp_path / "s" / "poses.jsonl").read_text().splitlines()
    for line, *twice in zip(lines, sent[::2], sent[1::2], strict=True):
        for pose in twice:
            assert {**pose, "latency_ms": 0} == {**json.loads(line), "latency_ms": 0}


def test_run_sends_without_a_display_or_another_output(
    receiver: socket.socket, blob_path: Path
) -> None:
    result = keycam("run", CLIP, "-m", blob_path, "--to", address(receiver))
    assert result.exit_code == 0, result.output
    assert [pose["frame"] for pose in received(receiver, 6)] == list(range(6))


def test_a_processor_is_before_all_else(
    receiver: socket.socket, processor: Path, blob_path: Path, tmp_path: Path
) -> None:
    wanted = Wanted(
        session=tmp_path / "s", to=(address(receiver),), processor=f"{processor}:Centre"
    )
    report = watch("synthetic:frames=20,size=160x120,fps=100", wanted, model=blob_path)
    assert report.stages["process"].n == 10
    for pose in received(receiver, 20):
        for subject in pose["subjects"]:
            assert subject["keypoints"] == [[7.0, 7.0]] * 4
    for record in open_session(tmp_path / "s"):
        for own in record.subjects:
            np.testing.assert_array_equal(own.keypoints_px, np.full((4, 2), 7))


def test_a_processor_that_fails_ends_the_run_and_the_session_is_whole(
    processor: Path, blob_path: Path, tmp_path: Path
) -> None:
    command = ["record", CLIP, "-m", blob_path, "-o", tmp_path / "s"]
    result = keycam(*command, "--processor", f"{processor}:Fails")
    refused_last(result.stderr, "process of frame 0 failed with ValueError: no", "mine.py, line 9")
    assert open_session(tmp_path / "s").closed


def refused_last(stderr: str, *words: str) -> None:
    last = stderr.splitlines()[-1]
    assert last.startswith("keycam: ")
    assert all(word in last for word in words)


@pytest.mark.parametrize("to", ["nose", "udp://h", "ftp://h:1", "udp://no.such.host.invalid:1"])
def test_bad_addresses_are_refused_before_anything_is_made(
    to: str, blob_path: Path, tmp_path: Path
) -> None:
    command = ["record", CLIP, "-m", blob_path, "-o", tmp_path / "s", "--to", to]
    refused(keycam(*command), to.rpartition("/")[2].partition(":")[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "package", "extra"),
    [
        ("osc://127.0.0.1:1", "pythonosc", "stream"),
        ("vmc://127.0.0.1", "pythonosc", "stream"),
        ("lsl:", "pylsl", "stream"),
        ("zmq://127.0.0.1:0", "zmq", "stream"),
        ("vcam:", "pyvirtualcam", "vcam"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    to: str, package: str, extra: str, blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    result = keycam("run", CLIP, "--no-window", "-m", blob_path, "--to", to)
    refused(result, package, f'pip install "keycam[{extra}]"')


def test_many_files_are_not_streamed(tmp_path: Path) -> None:
    result = keycam("record", "a.mp4", "b.mp4", "-o", tmp_path / "s", "--to", "lsl:")
    assert result.exit_code == 2
    assert "--to and --processor are for one source" in result.stderr


class Opened:
    def __init__(self) -> None:
        self.closed = 0
        self.shown: list[np.ndarray] = []

    def take(self, *_: object) -> None:
        pass

    def show(self, picture: np.ndarray, frame: object) -> None:
        self.shown.append(picture)

    def close(self) -> None:
        self.closed += 1


def test_what_was_opened_is_closed_when_a_later_part_cannot_be_had(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet, camera = Opened(), Opened()
    monkeypatch.setattr(pipeline, "open_stream", lambda *_: outlet)
    monkeypatch.setattr(outputs, "VirtualCamera", lambda *_: camera)
    (tmp_path / "s").mkdir()
    with pytest.raises(SessionError, match="exists already"):
        watch(CLIP, Wanted(session=tmp_path / "s", to=("lsl:", "vcam:")), model=blob_path)
    assert (outlet.closed, camera.closed) == (1, 1)
    with pytest.raises(DataError, match="a video is written as"):
        watch(CLIP, Wanted(video=tmp_path / "x.txt", to=("lsl:", "vcam:")), model=blob_path)
    assert (outlet.closed, camera.closed) == (2, 2)


@pytest.mark.parametrize(
    ("to", "package"),
    [
        ("udp://127.0.0.1:9", "socket"),
        ("osc://127.0.0.1:9", "pythonosc"),
        ("lsl:", "pylsl"),
        ("ws://127.0.0.1:0", "websockets"),
        ("zmq://127.0.0.1:0", "zmq"),
    ],
)
def test_no_thread_outlives_the_run(to: str, package: str, blob_path: Path) -> None:
    pytest.importorskip(package)
    before = set(threading.enumerate())
    for _ in range(3):
        assert watch(CLIP, Wanted(to=(to,)), model=blob_path).frames == 6
    assert set(threading.enumerate()) == before


def test_the_virtual_camera_shows_the_overlay(
    blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = Opened()
    monkeypatch.setattr(outputs, "VirtualCamera", lambda *_: camera)
    watch(CLIP, Wanted(to=("vcam:",)), model=blob_path)
    assert [picture.shape for picture in camera.shown] == [(120, 160, 3)] * 6
    assert camera.closed == 1
