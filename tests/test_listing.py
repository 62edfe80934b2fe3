import sys
from types import ModuleType, SimpleNamespace

import pytest

from realtime.listing import listed, windows_id

PATH = r"@device_pnp_\\?\usb#vid_046d&pid_0825&mi_00#6&2C24CE2E&0&0000#{65e8773d}\global"


def device(name, description, kinds=("video",)):
    return SimpleNamespace(name=name, description=description, media_types=list(kinds))


def ffmpeg(monkeypatch, **lists):
    module = ModuleType("av.device")

    def every(kind):
        if isinstance(lists[kind], Exception):
            raise lists[kind]
        return lists[kind]

    module.enumerate_input_devices = every
    monkeypatch.setitem(sys.modules, "av.device", module)


def test_windows_tells_names_and_usb_places(monkeypatch):
    mike = device("@device_cm_{33D9A762}", "Microphone", ["audio"])
    virtual = device(r"@device_sw_{860BB310}\{A3FCE0F5}", "A Virtual Camera")
    ffmpeg(monkeypatch, dshow=[mike, device(PATH, "Nice Cam"), virtual])
    assert listed("win32") == [
        (0, "Nice Cam", "usb:046d:0825:6&2c24ce2e&0&0000"),
        (1, "A Virtual Camera", "A Virtual Camera"),
    ]


def test_macos_tells_names_and_screens_are_no_cameras(monkeypatch):
    every = [device("0", "FaceTime HD"), device("1", "Cam"), device("2", "Cam")]
    ffmpeg(monkeypatch, avfoundation=[*every, device("3", "Capture screen 0")])
    assert listed("darwin") == [
        (0, "FaceTime HD", "FaceTime HD"),
        (1, "Cam", "Cam"),
        (2, "Cam", "Cam 2"),
    ]


@pytest.mark.parametrize("error", [OSError("no such device"), ValueError("no such format")])
def test_where_there_is_no_list_there_is_none(monkeypatch, error):
    ffmpeg(monkeypatch, dshow=error)
    assert listed("win32") == []
    assert listed("freebsd13") == []
    monkeypatch.setitem(sys.modules, "av.device", None)  # an old PyAV
    assert listed("win32") == []


def test_the_place_is_what_stays_after_replugging():
    assert windows_id(PATH) == windows_id(PATH.replace("&mi_00", ""))
    assert windows_id("0") == ""
