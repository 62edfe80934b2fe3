import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from command_line import keycam, refused
from mjpeg_camera import Webcam
from test_pipeline import FakeWindow
from unplug import blob

from engines import DataError
from engines.batch import Batcher
from realtime import live, several
from realtime.controls import Action
from realtime.frame import State
from realtime.pipeline import Wanted
from realtime.session import SessionError, open_session
from realtime.several import folder_names, watch_all
from realtime.source import SourceError
from realtime.verdict import validate

CLIP = "synthetic:frames=8,size=160x120"


def test_each_camera_has_its_loop_and_its_session_and_all_one_engine(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Batcher] = []

    class Noted(Batcher):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(several, "Batcher", Noted)
    wanted = Wanted(session=tmp_path / "out")
    with Webcam(blob) as one, Webcam(lambda number: blob(number + 10)) as other:
        followed = watch_all([one.url, other.url], wanted, model=blob_path, device="cpu", frames=25)
    assert len(made) == 1
    assert made[0]._clients == 0
    for webcam, own in zip((one, other), followed, strict=True):
        assert own.source == webcam.url
        assert (own.report.ended, own.report.frames) == ("limit", 25)
        assert own.wanted.session == tmp_path / "out" / f"127.0.0.1-{webcam.port}-camera.mjpg"
        verdict = validate(own.wanted.session)
        assert verdict.valid, verdict.problems
        records = list(open_session(own.wanted.session))
        assert records[-1].state is State.TRACK
        x, y = records[-1].subjects[0].keypoints_px.mean(axis=0)
        assert 35 < x < 85
        assert abs(y - 50) < 3


def test_what_is_found_is_what_each_alone_would_find(blob_path: Path, tmp_path: Path) -> None:
    clips = [f"synthetic:frames=12,seed={seed},size=160x120" for seed in (1, 2)]
    watch_all(clips, Wanted(session=tmp_path / "both"), model=blob_path, device="cpu")
    for number, clip in enumerate(clips):
        alone = tmp_path / f"alone{number}"
        watch_all([clip], Wanted(session=alone), model=blob_path, device="cpu")
        sessions = [sorted(alone.iterdir())[0], sorted((tmp_path / "both").iterdir())[number]]
        first, second = (list(open_session(path)) for path in sessions)
        assert [own.state for own in first] == [own.state for own in second]
        for mine, other in zip(first, second, strict=True):
            assert len(mine.subjects) == len(other.subjects)
            for a, b in zip(mine.subjects, other.subjects, strict=True):
                np.testing.assert_allclose(a.raw_px, b.raw_px, atol=0.02)


def test_a_source_that_dies_ends_alone(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "DEAD_S", 0.3)
    wanted = Wanted(session=tmp_path / "s")
    silent = Webcam(lambda number: blob(number) if number < 20 else None)
    with Webcam(blob) as webcam, silent as short:
        sources = [webcam.url, short.url]
        [good, bad] = watch_all(sources, wanted, model=blob_path, device="cpu", seconds=2.5)
    assert good.report.ended == "limit"
    assert isinstance(bad.error, SourceError)
    assert bad.report is None
    assert bad.to_dict() == {"source": short.url, "error": str(bad.error)}
    for own in (good, bad):
        assert validate(own.wanted.session).valid


def test_one_window_shows_them_all_and_closing_it_ends_them(
    blob_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    class Window(FakeWindow):
        def show(self, picture: np.ndarray, frame: object) -> None:
            shown.append(picture.shape)
            if len(shown) == 5:
                self._ask(Action.PAUSE)
            if len(shown) == 8:
                self._stop.set()

    monkeypatch.setattr(several, "Window", Window)
    clips = ["synthetic:size=160x120"] * 2
    followed = watch_all(clips, Wanted(window=True), model=blob_path, device="cpu")
    assert [own.report.ended for own in followed] == ["stop", "stop"]
    assert set(shown[-1:]) == {(120, 320, 3)}
    assert Window.closed == 1


def test_nothing_is_begun_if_a_part_cannot_be_had(
    blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError):
        watch_all([CLIP, str(tmp_path / "x.mp4")], Wanted(session=tmp_path / "s"), model=blob_path)
    with pytest.raises(DataError, match="--to and --processor are for one source"):
        watch_all([CLIP, CLIP], Wanted(to=("udp://127.0.0.1:9",)), model=blob_path)
    monkeypatch.setattr(several.Window, "available", lambda: False)
    with pytest.raises(DataError, match="no display"):
        watch_all([CLIP, CLIP], Wanted(window=True), model=blob_path)
    assert not (tmp_path / "s").exists()
    name = folder_names([several.open_source(CLIP).name])[0]
    (tmp_path / "s" / f"{name}-2").mkdir(parents=True)
    with pytest.raises(SessionError, match="exists already"):
        watch_all([CLIP, CLIP], Wanted(session=tmp_path / "s"), model=blob_path)
    assert [path.name for path in (tmp_path / "s").iterdir()] == [f"{name}-2"]


def test_folders_have_plain_names_and_different_ones() -> None:
    names = ["Nice Cam", "Nice Cam", "rtsp://10.0.0.7:554/a/b", "../..", "räuber", "Nice Cam"]
    assert folder_names(names) == [
        "Nice-Cam",
        "Nice-Cam-2",
        "10.0.0.7-554-a-b",
        "source",
        "r-uber",
        "Nice-Cam-3",
    ]


def test_the_commands_take_several(blob_path: Path, tmp_path: Path) -> None:
    model = ["-m", blob_path, "--device", "cpu"]
    result = keycam("run", CLIP, CLIP, "-o", tmp_path / "o.mp4", "--no-window", *model)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("8 frames") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o-1.mp4", "o-2.mp4"]
    with Webcam(blob) as one, Webcam(blob) as other:
        command = ["record", one.url, other.url, "-o", tmp_path / "s", "--frames", 4, "--json", "-"]
        result = keycam(*command, *model)
        assert result.exit_code == 0, result.output
        rows = json.loads(result.stdout)
        assert [(row["source"], row["frames"]) for row in rows] == [(one.url, 4), (other.url, 4)]
        mixed = keycam("record", one.url, "clip.mp4", "-o", tmp_path / "t", *model)
    assert mixed.exit_code == 2
    assert "recorded apart from files" in mixed.stderr
    refused(keycam("run", CLIP, tmp_path / "x.mp4", "--no-window", *model), "x.mp4")
    assert len(list((tmp_path / "s").iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_them_all_cleanly(blob_path: Path, tmp_path: Path) -> None:
    with Webcam(blob) as one, Webcam(blob) as other:
        command = [sys.executable, "-c", "from realtime.cli import main; main()", "record"]
        command += [one.url, other.url, "-m", str(blob_path), "-o", str(tmp_path / "s")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 60
            poses = tmp_path.glob
            while time.monotonic() < deadline:
                if sum(file.stat().st_size > 0 for file in poses("s/*/poses.jsonl")) == 2:
                    break
                time.sleep(0.05)
            one.unplug()  # also while one of them is gone
            Event().wait(0.3)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    sessions = [path for path in (tmp_path / "s").iterdir() if path.is_dir()]
    assert len(sessions) == 2
    for path in sessions:
        assert validate(path).valid
        assert open_session(path).closed
