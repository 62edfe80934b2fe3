"""The page put before a real loop: recorded from, switched, and left alone."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from browsing import enter, look_on, told
from command_line import keycam, refused

from realtime import demo as demo_module
from realtime import pipeline
from realtime.browser import stay as stay_module
from realtime.browser.link import Serving
from realtime.browser.server import BrowserServer
from realtime.demo import demo
from realtime.loop import Report
from realtime.pipeline import Wanted, watch
from realtime.session import open_session
from realtime.verdict import validate
from realtime.viewing import Viewing

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
CLIP = "synthetic:size=160x120,fps=60"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[BrowserServer]:
    """Those that are started from now on."""
    made: list[BrowserServer] = []

    def make(serving: Serving) -> BrowserServer:
        made.append(BrowserServer(serving))
        return made[-1]

    monkeypatch.setattr(stay_module, "BrowserServer", make)
    return made


@contextmanager
def looking(
    servers: list[BrowserServer], wanted: Wanted, model: Path
) -> Iterator[tuple[Any, list[Report]]]:
    """A page before a live loop on a thread, whose report is there at the end."""
    reports: list[Report] = []
    thread = threading.Thread(target=lambda: reports.append(watch(CLIP, wanted, model=model)))
    thread.start()
    until(lambda: servers and servers[0].desk._scene)
    with look_on(servers[0], enter(servers[0])) as client:
        yield client, reports
    thread.join(30)
    assert not thread.is_alive()


def until(condition: Any) -> None:
    end = monotonic() + 30
    while not condition():
        assert monotonic() < end, "it never came"
        sleep(0.01)


def status(client: Any, condition: Any) -> dict:
    end = monotonic() + 60
    while not condition(own := told(client, "status")):
        assert monotonic() < end, "it never came"
    return own


def test_recordings_made_from_the_page_are_valid_sessions(
    servers: list[BrowserServer], blob_path: Path, tmp_path: Path
) -> None:
    wanted = Wanted(serve=Serving(port=0), viewing=Viewing(record_to=tmp_path))
    with looking(servers, wanted, blob_path) as (client, reports):
        scene = told(client, "scene")
        assert {"record", "mark", "snapshot", "pause"} <= set(scene["actions"])
        client.send('{"ask": "record", "value": true}')
        own = status(client, lambda own: own["controls"]["recording"])
        client.send('{"ask": "mark", "value": "now"}')
        frames = own["frames"]
        status(client, lambda own: own["frames"] > frames + 20)
        client.send('{"ask": "record", "value": false}')
        status(client, lambda own: not own["controls"]["recording"])
        client.send('{"ask": "snapshot"}')
        until(lambda: len(list(tmp_path.glob("*.png"))) == 2)
        client.send('{"ask": "quit"}')
    assert reports[0].ended == "stop"
    (folder,) = [own for own in tmp_path.iterdir() if own.is_dir()]
    assert folder.name == own["controls"]["recording"]
    assert validate(folder).valid
    session = open_session(folder)
    assert session.closed
    assert len(list(session)) >= 20
    assert [event.text for event in session.events() if event.kind == "mark"] == ["now"]


def test_a_paused_file_stands_still_and_goes_on(
    servers: list[BrowserServer], blob_path: Path
) -> None:
    wanted = Wanted(serve=Serving(port=0))
    with looking(servers, wanted, blob_path) as (client, _):
        client.send('{"ask": "pause", "value": true}')
        status(client, lambda own: own["controls"]["paused"])
        still = [told(client, "status")["frames"] for _ in range(3)]
        assert still[1] == still[2]
        client.send('{"ask": "pause", "value": false}')
        status(client, lambda own: own["frames"] > still[2] + 5)
        client.send('{"ask": "quit"}')


def test_another_model_is_chosen_while_the_page_stays(
    servers: list[BrowserServer], blob_path: Path
) -> None:
    wanted = Wanted(serve=Serving(port=0))
    with looking(servers, wanted, blob_path) as (client, _):
        scene = told(client, "scene")
        assert scene["model"] == "blob-mouse4"
        assert scene["offers"]["models"][scene["offers"]["model"]] == blob_path.stem
        client.send('{"ask": "style", "value": "points,black"}')
        status(client, lambda own: own["controls"]["style"] == "points,black")
        place = scene["offers"]["models"].index("face68")
        client.send(json.dumps({"choose": {"model": place}}))
        assert "face68" in told(client, "opening")["what"]
        scene = told(client, "scene")
        assert (scene["model"], len(scene["skeleton"]["keypoints"])) == ("face68", 68)
        own = status(client, lambda own: own.get("frames"))
        assert own["controls"]["style"] == "points,black"
        client.send('{"ask": "quit"}')
    assert len(servers) == 1


@pytest.mark.parametrize("more", [{"to": ("udp://127.0.0.1:9",)}, {"limit": 2000}])
def test_where_others_get_the_poses_too_nothing_else_is_chosen(
    more: dict, servers: list[BrowserServer], blob_path: Path
) -> None:
    wanted = Wanted(serve=Serving(port=0), to=more.get("to", ()))
    work = {"model": blob_path, "frames": more.get("limit")}
    thread = threading.Thread(target=lambda: watch(CLIP, wanted, **work))
    thread.start()
    until(lambda: servers and servers[0].desk._scene)
    with look_on(servers[0], enter(servers[0])) as client:
        assert told(client, "scene")["offers"] is None
        client.send('{"choose": {"source": 0}}')
        assert "cannot be chosen" in told(client, "refused")["why"]
        client.send('{"ask": "quit"}')
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize("package", ["segno", "starlette.websockets", "uvicorn", "websockets"])
def test_a_package_that_is_missing_is_named(
    package: str, blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = keycam("run", CLIP, "-m", blob_path, "--serve", "--port", 0)
    refused(result, package, "pip install keycam")


def test_a_clip_waits_for_the_first_who_looks(
    servers: list[BrowserServer], blob_path: Path
) -> None:
    reports: list[Report] = []
    clip, wanted = f"{CLIP},frames=20", Wanted(serve=Serving(port=0, wait_s=60.0))
    thread = threading.Thread(target=lambda: reports.append(watch(clip, wanted, model=blob_path)))
    thread.start()
    until(lambda: servers and servers[0].desk._last)
    sleep(1)
    assert servers[0].desk._last is not None
    assert servers[0].desk._last.frame.index == 0
    with look_on(servers[0], enter(servers[0])) as client:
        told(client, "end")
    thread.join(30)
    assert (reports[0].ended, reports[0].frames) == ("source", 20)


def test_it_does_not_wait_for_ever_nor_where_nobody_can_look(
    servers: list[BrowserServer], blob_path: Path
) -> None:
    assert Serving().wait_s == 0  # a test has no terminal
    clip, wanted = f"{CLIP},frames=20", Wanted(serve=Serving(port=0, wait_s=0.2))
    assert watch(clip, wanted, model=blob_path).frames == 20


# ---------------------------------------------------------------- the demonstration


@pytest.fixture
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(demo_module, "cameras", list)


@pytest.mark.usefixtures("_bare_machine")
def test_the_demo_shows_a_page_until_nobody_looks(
    servers: list[BrowserServer],
    blob_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo_module, "PATIENCE_S", 100.0)
    monkeypatch.setattr(demo_module, "somebody", lambda: True)
    monkeypatch.setattr(demo_module, "Serving", lambda: Serving(port=0))
    shown = []
    thread = threading.Thread(target=lambda: shown.append(demo(tmp_path, model=blob_path)))
    thread.start()
    until(lambda: servers and servers[0].desk._scene)
    with look_on(servers[0], enter(servers[0])) as client:
        desk = servers[0].desk
        desk._quiet_s -= 1000
        frames = status(client, lambda own: own.get("frames"))["frames"]
        status(client, lambda own: own["frames"] > frames + 30)  # as long as somebody looks
    until(lambda: not desk._viewers)
    assert thread.is_alive()
    desk._quiet_s -= 1000
    thread.join(30)
    assert shown[0].report.ended == "stop"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_bare_machine")
def test_where_nobody_opens_the_page_the_demo_writes_files(
    servers: list[BrowserServer], blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "PATIENCE_S", 0.3)
    shown = demo(tmp_path, model=blob_path, seconds=0.2, serve=Serving(port=0))
    assert len(servers) == 1
    assert shown.report.frames == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keycam-demo", "keycam-demo.mp4"]


def test_without_a_display_the_page_is_in_the_windows_place(
    servers: list[BrowserServer], blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.Window, "available", lambda: False)
    monkeypatch.setattr(pipeline, "Serving", lambda: Serving(port=0))
    watch(CLIP, Wanted(window=True), model=blob_path, frames=3)
    assert len(servers) == 1
    watch(CLIP, Wanted(), model=blob_path, frames=3)
    assert len(servers) == 1
