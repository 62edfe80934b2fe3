import json
from pathlib import Path

import pytest
from command_line import keycam, refused
from mjpeg_camera import Webcam
from unplug import blob

from realtime import cameras
from realtime.camera_cli import mode_lines
from realtime.camera_settings import CameraSettings
from realtime.cameras import Camera
from realtime.session import open_session
from realtime.v4l2 import Mode

MODES = [
    Mode(pixels="MJPG", size=(1280, 720), fps=(60.0, 30.0)),
    Mode(pixels="MJPG", size=(640, 480)),
    Mode(pixels="YUYV", size=(1920, 1080), fps=(29.97, 1.0), least=(32, 24)),
]


def test_cameras_lists_names_ids_and_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    webcam = Camera(2, "Nice Cam", "usb:046d:0825:1-5", "/dev/video2")
    monkeypatch.setattr(cameras, "cameras", lambda: [webcam])
    monkeypatch.setattr(cameras, "modes", lambda _: MODES)
    lines = keycam("cameras").stdout.splitlines()
    assert lines == [
        "  2  Nice Cam  (usb:046d:0825:1-5)",
        "     MJPG  1280x720 at 60, 30; 640x480",
        "     YUYV  32x24 to 1920x1080 at 29.97, 1",
    ]
    [row] = json.loads(keycam("cameras", "--json", "-").stdout)
    assert (row["index"], row["id"], row["device"]) == (2, "usb:046d:0825:1-5", "/dev/video2")
    first = {"pixels": "MJPG", "size": [1280, 720], "fps": [60.0, 30.0], "least": None}
    assert row["modes"][0] == first
    assert mode_lines([]) == []


def test_options_reach_the_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def opening(text: str, settings: CameraSettings, *, realtime: bool) -> None:
        asked.append(settings)
        raise cameras_gone

    from realtime import pipeline
    from realtime.source import SourceError

    cameras_gone = SourceError("no such camera")
    monkeypatch.setattr(pipeline, "open_source", opening)
    options = "--size 1280x720 --fps 60 --pixels MJPG --exposure 50 --gain 7 --flip --rotate 90"
    more = [*options.split(), "--backend", "pyav", "--give-up", "30"]
    refused(keycam("run", "0", "--no-window", *more), "no such camera")
    assert asked.pop() == CameraSettings(
        size=(1280, 720),
        fps=60.0,
        pixels="MJPG",
        exposure=50,
        gain=7,
        flip=True,
        rotate=90,
        backend="pyav",
        give_up_s=30.0,
    )
    refused(keycam("record", "0", "-o", tmp_path / "s"), "no such camera")
    assert asked.pop() == CameraSettings(give_up_s=None)  # for ever


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--size", "1280", "1280x720"),
        ("--exposure", "bright", "auto"),
        ("--rotate", "45", "270"),
        ("--backend", "gstreamer", "pyav"),
        ("--give-up", "-1", "give-up"),
    ],
)
def test_options_that_make_no_sense_are_refused(option: str, value: str, word: str) -> None:
    result = keycam("run", "0", "--no-window", option, value)
    assert result.exit_code == 2
    assert word in result.stderr


def test_what_a_source_cannot_do_is_one_line(blob_path: Path, tmp_path: Path) -> None:
    model = ["-m", blob_path, "--no-window"]
    refused(keycam("run", "synthetic:", *model, "--exposure", "auto"), "--exposure", "no camera")
    refused(keycam("run", "0", *model, "--fps", "0"), "--fps 0")
    many = keycam("record", "a.mp4", "b.mp4", "-o", tmp_path / "s", "--rotate", "90")
    assert many.exit_code == 2
    assert "--rotate is not for many files" in many.stderr


def test_pictures_are_turned_before_anybody_sees_them(blob_path: Path, tmp_path: Path) -> None:
    session = tmp_path / "s"
    with Webcam(blob) as webcam:
        command = ["record", webcam.url, "-o", session, "-m", blob_path, "--device", "cpu"]
        result = keycam(*command, "--frames", "12", "--rotate", "90", "--flip", "--video")
    assert result.exit_code == 0, result.output
    opened = open_session(session)
    assert opened.facts["source"]["size"] == [120, 160]
    assert {"flip": True, "rotate": 90}.items() <= opened.facts["options"].items()
    x, y = list(opened)[-1].subjects[0].keypoints_px.mean(axis=0)
    assert abs(x - 50) < 3  # row 50 becomes a column counted from the right, and flipped back
    assert 35 < y < 85


def test_giving_up_is_one_line_and_the_session_is_whole(blob_path: Path, tmp_path: Path) -> None:
    session = tmp_path / "s"

    with Webcam(lambda number: blob(number) if number < 40 else None) as webcam:
        command = ["record", webcam.url, "-o", session, "-m", blob_path, "--device", "cpu"]
        result = keycam(*command, "--give-up", "1.5")
    assert result.exit_code == 2
    assert "given up after 2 s" in result.stderr or "given up after 1 s" in result.stderr
    facts = open_session(session).facts
    assert facts["end"]["gaps"]["count"] == 1
    assert keycam("validate", session).exit_code == 0
