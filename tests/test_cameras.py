import os

import pytest

from realtime import cameras as module
from realtime.cameras import Camera, cameras, find_camera, linux_cameras


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
