import os

import cv2
import pytest

from realtime import cameras as module
from realtime.cameras import (
    Camera,
    absence,
    cameras,
    find_camera,
    four_letters,
    holder,
    linux_cameras,
    modes,
)
from realtime.v4l2 import Mode


@pytest.fixture
def machine(tmp_path):
    """A `video4linux` folder and device folder with a webcam of two nodes and a built-in one."""
    usb = tmp_path / "devices/usb1/1-5"
    (usb / "1-5:1.0").mkdir(parents=True)
    (usb / "idVendor").write_text("046d\n")
    (usb / "idProduct").write_text("0825\n")
    (tmp_path / "devices/isp.0").mkdir()
    for node, name, index, device in (
        ("video0", "Nice Cam", 0, "devices/usb1/1-5/1-5:1.0"),
        ("video1", "Nice Cam", 1, "devices/usb1/1-5/1-5:1.0"),  # carries metadata only
        ("video10", "Built-in", 0, "devices/isp.0"),
    ):
        entry = tmp_path / "sys" / node
        entry.mkdir(parents=True)
        (entry / "name").write_text(name + "\n")
        (entry / "index").write_text(f"{index}\n")
        os.symlink(tmp_path / device, entry / "device")
    (tmp_path / "sys/v4l-subdev0").mkdir()
    return tmp_path / "sys", tmp_path / "dev"


def test_linux_cameras_have_names_and_ids_that_stay(machine):
    sysfs, devices = machine
    assert linux_cameras(sysfs, devices) == [
        Camera(0, "Nice Cam", "usb:046d:0825:1-5", str(devices / "video0")),
        Camera(10, "Built-in", "isp.0", str(devices / "video10")),
    ]


def test_a_machine_without_cameras(tmp_path):
    assert linux_cameras(tmp_path / "none", tmp_path) == []


def test_a_camera_is_found_by_what_the_list_says(machine, monkeypatch):
    monkeypatch.setattr(module, "_SYSFS", machine[0])
    monkeypatch.setattr(module, "_DEVICES", machine[1])
    monkeypatch.setattr(module.sys, "platform", "linux")
    for text in ("10", "built-IN", "isp.0"):
        assert find_camera(text).index == 10
    assert find_camera("clip.mp4") is None
    assert find_camera("3") == Camera(3, "camera 3", "3", 3)  # not listed: opening will tell


def test_a_file_named_like_a_camera_is_a_file(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_SYSFS", machine[0])
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Built-in").mkdir()
    assert find_camera("Built-in") is None


def test_elsewhere_the_first_indices_are_tried(monkeypatch):
    tried = []

    class Capture:
        def release(self):
            tried.append("released")

    monkeypatch.setattr(module.sys, "platform", "win32")
    monkeypatch.setattr(
        module,
        "open_capture",
        lambda index, backend: tried.append(index) or (Capture() if index == 1 else None),
    )
    assert cameras() == [Camera(1, "camera 1", "1", 1)]
    assert tried == [0, 1, "released", 2, 3, 4]


def test_elsewhere_a_list_is_asked_first(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.setattr("realtime.listing.listed", lambda _: [(0, "FaceTime HD", "FaceTime HD")])
    assert cameras() == [Camera(0, "FaceTime HD", "FaceTime HD", 0)]
    assert find_camera("facetime hd").index == 0
    assert find_camera("another") is None


def test_elsewhere_the_mode_is_that_in_which_a_camera_opens(monkeypatch):
    class Capture:
        released = 0

        def get(self, key):
            return {
                cv2.CAP_PROP_FRAME_WIDTH: 640.0,
                cv2.CAP_PROP_FRAME_HEIGHT: 480.0,
                cv2.CAP_PROP_FPS: 30.0,
                cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG")),
            }[key]

        def release(self):
            self.released += 1

    capture = Capture()
    monkeypatch.setattr(module, "open_capture", lambda *_: capture)
    camera = Camera(0, "Cam", "Cam", 0)
    assert modes(camera) == [Mode(pixels="MJPG", size=(640, 480), fps=(30.0,))]
    assert capture.released == 1
    monkeypatch.setattr(module, "open_capture", lambda *_: None)
    assert modes(camera) == []


@pytest.fixture
def processes(tmp_path):
    """A /proc where another program, and we ourselves, have a camera open."""
    device = tmp_path / "video0"
    device.touch()
    for pid, name, file in (
        (os.getpid(), "keycam", device),
        (812, "firefox", device),
        (4, "shell", tmp_path / "notes"),
    ):
        folder = tmp_path / "proc" / str(pid) / "fd"
        folder.mkdir(parents=True)
        (folder.parent / "comm").write_text(f"{name}\n")
        os.symlink(file, folder / "7")
    (tmp_path / "proc/99").mkdir()  # it ended meanwhile
    return tmp_path / "proc"


def test_who_has_a_camera_is_named(processes, tmp_path):
    device = str(tmp_path / "video0")
    assert holder(device, processes) == "firefox (pid 812)"
    assert holder(str(tmp_path / "video1"), processes) == ""
    camera = Camera(0, "Nice Cam", "x", device)
    assert "is used by firefox (pid 812); close that" in absence(camera, processes)


def test_a_camera_that_may_not_be_opened_is_told_apart(tmp_path, monkeypatch):
    device = tmp_path / "video0"
    device.touch()
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    assert "may not be opened by you" in absence(Camera(0, "Cam", "x", str(device)))
    assert absence(Camera(9, "Cam", "x", 9)).startswith("no camera at 9 (Cam), or another program")


def test_the_four_letters_of_pixels():
    assert four_letters(cv2.VideoWriter.fourcc(*"YUYV")) == "YUYV"
    assert four_letters(0) is None
    assert four_letters(-1) is None
