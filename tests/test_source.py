import subprocess
import sys

import cv2
import numpy as np
import pytest
from doubles import FakeLive, number_of, numbered

from realtime import cameras, live
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera
from realtime.memory import Memory
from realtime.pictures import Pictures
from realtime.source import Source, SourceError, names_live, open_source
from realtime.synthetic import Synthetic
from realtime.video import VideoFile


@pytest.fixture
def webcam(monkeypatch):
    """A machine with one camera; yields what was asked to be opened."""
    opened = []
    known = [Camera(2, "Nice Cam", "usb:046d:0825:1-5", "/dev/video2")]
    monkeypatch.setattr(cameras, "_listed", lambda: known)
    monkeypatch.setattr(live, "open_camera", lambda camera, _: opened.append(camera.device))
    return opened


@pytest.mark.parametrize("text", ["2", "nice cam", "usb:046d:0825:1-5", "/dev/video2"])
def test_a_camera_by_index_name_id_or_device(webcam, text):
    open_source(text)
    assert webcam == ["/dev/video2"]


def test_a_number_is_a_camera_even_if_none_is_listed(webcam):
    open_source("7")
    assert webcam == [7]


def test_the_text_chooses_the_source(tmp_path):
    video, folder = tmp_path / "v.avi", tmp_path / "pictures"
    writer = cv2.VideoWriter(
        str(video), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48)
    )
    writer.write(numbered(0))
    writer.release()
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), numbered(0))
    for text, kind in (
        (str(video), VideoFile),
        (str(folder), Pictures),
        (str(folder / "a.png"), Pictures),
        ("synthetic:", Synthetic),
    ):
        with open_source(text) as source:
            assert type(source) is kind
            assert isinstance(source, Source)
    assert isinstance(Memory([numbered(0)]), Source)
    assert isinstance(FakeLive(), Source)


@pytest.mark.parametrize("text", ["synthetic:", "clip.mp4", "http://user:secret@127.0.0.1:9/x"])
def test_what_only_a_camera_can_do_is_refused_of_others(text):
    with pytest.raises(SourceError, match=r"no camera of this machine; --fps and --gain") as caught:
        open_source(text, CameraSettings(fps=30.0, gain=3))
    assert "secret" not in str(caught.value)


def test_any_source_can_be_turned():
    with open_source("synthetic:frames=2,size=160x120", CameraSettings(rotate=90)) as source:
        assert source.size == (120, 160)
        assert [frame.image.shape for frame in source] == [(160, 120, 3)] * 2


@pytest.mark.parametrize(
    ("text", "live"),
    [("0", True), ("rtsp://host/x", True), ("synthetic:", False), ("clip.mp4", False)],
)
def test_cameras_and_addresses_are_live(text, live):
    assert names_live(text) is live


def test_what_is_nothing_is_refused_with_a_remedy():
    with pytest.raises(SourceError, match=r"no file, folder or camera 'Nice Cam'.*keycam cameras"):
        open_source("Nice Cam")


def test_importing_realtime_loads_nothing_heavy():
    code = (
        "import realtime, sys; print(*(m for m in ('cv2', 'numpy', 'torch') if m in sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []


def test_windows_cameras_are_told_to_open_quickly():
    code = (
        "import os, sys\n"
        "class Spy:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cv2':\n"
        "            print(os.environ.get('OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS'))\n"
        "sys.meta_path.insert(0, Spy())\n"
    )
    for first in ("realtime.cameras", "realtime.capture", "engines"):
        answer = subprocess.run(
            [sys.executable, "-c", f"{code}import {first}"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.splitlines()[:1] == ["0"]


def test_pictures_in_memory_may_be_written_anew_for_each_frame():
    images = [numbered(i) for i in range(3)]
    kept = list(Memory(images, repeat=2))
    fresh = list(Memory(images, repeat=2, written=True))
    assert all(frame.image is images[frame.index % 3] for frame in kept)
    assert not any(np.shares_memory(frame.image, images[frame.index % 3]) for frame in fresh)
    assert [number_of(frame.image) for frame in fresh] == [0, 1, 2, 0, 1, 2]
