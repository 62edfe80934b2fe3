import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from blob_model import blob_model
from command_line import keycam, refused

from realtime.session import open_session

KEYCAM = [sys.executable, "-c", "from realtime.cli import main; main()"]


@pytest.fixture(autouse=True)
def _no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "blob.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (160, 120))
    for i in range(12):
        image = np.zeros((120, 160, 3), np.uint8)
        cv2.circle(image, (60 + 2 * i, 50), 9, (255, 255, 255), -1)
        writer.write(image)
    writer.release()
    return path


@pytest.mark.parametrize("command", ["demo", "run", "record", "bench", "cameras", "doctor"])
def test_every_command_explains_itself(command: str) -> None:
    result = keycam(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert "--verbose" in result.stdout


def test_unknown_commands_are_refused() -> None:
    assert keycam("dance").exit_code == 2


def test_run_writes_the_overlay_and_prints_the_latencies(
    video: Path, blob_path: Path, tmp_path: Path
) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    result = keycam("run", video, "-m", blob_path, "-o", out, "--json", report)
    assert result.exit_code == 0, result.output
    assert str(out) in result.stdout
    assert "12 frames" in result.stdout
    assert json.loads(report.read_text("utf-8"))["frames"] == 12
    capture = cv2.VideoCapture(str(out))
    frames = [ok for ok, _ in iter(capture.read, (False, None)) if ok]
    capture.release()
    assert len(frames) == 12


def test_json_on_stdout_is_alone_there(video: Path, blob_path: Path) -> None:
    result = keycam("run", video, "-m", blob_path, "--no-window", "--frames", 5, "--json", "-")
    report = json.loads(result.stdout)
    assert (report["frames"], report["ended"]) == (5, "limit")


def test_record_leaves_a_session_with_the_pose_on_the_subject(
    video: Path, blob_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "session"
    result = keycam("record", video, "-m", blob_path, "-o", folder, "--video", "--raw")
    assert result.exit_code == 0, result.output
    session = open_session(folder)
    records = list(session)
    assert session.closed
    assert [record.frame for record in records] == list(range(12))
    centre = records[-1].subjects[0].keypoints_px.mean(axis=0)
    np.testing.assert_allclose(centre, (82, 50), atol=2)
    capture = cv2.VideoCapture(str(folder / "video.mp4"))
    ok, image = capture.read()
    capture.release()
    assert ok
    assert image[50, 60].min() > 200  # the frame as it came: a white blob, nothing drawn on it


def test_bench_writes_the_agreed_json(video: Path, blob_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    result = keycam("bench", "--source", video, "-m", blob_path, "--frames", 20, "--json", file)
    assert result.exit_code == 0, result.output
    assert "first 100 frames are not counted" in result.stdout
    assert "batch 32" in result.stdout
    table = json.loads(file.read_text("utf-8"))
    assert list(table) == ["machine", "versions", "model", "runs"]
    assert table["model"]["name"] == "blob-mouse4"
    (run,) = table["runs"]
    agreed = ["engine", "precision", "batch", "stages", "fps", "drops", "age_ms"]
    assert list(run) == [*agreed, "device", "noise", "throughput"]
    assert list(run["stages"]) == ["grab", "crop", "infer", "track", "draw", "loop"]
    for stage in (*run["stages"].values(), run["age_ms"]):
        assert list(stage) == ["p50_ms", "p90_ms", "p99_ms", "n"]
        assert stage["n"] == 20
        assert 0 <= stage["p50_ms"] <= stage["p90_ms"] <= stage["p99_ms"]
    assert run["fps"] > 0


def test_cameras_is_content_without_one() -> None:
    result = keycam("cameras", "--json", "-")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout), list)


@pytest.mark.parametrize("command", ["run", "record", "bench"])
@pytest.mark.parametrize("name", ["missing.mp4", "empty.mp4", "text.mp4"])
def test_bad_videos_are_refused_in_one_line(
    command: str, name: str, blob_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    source = {"run": [], "record": [], "bench": ["--source"]}[command] + [tmp_path / name]
    more = {"run": ["--no-window"], "record": ["-o", tmp_path / "s"], "bench": []}[command]
    refused(keycam(command, *source, *more, "-m", blob_path), name)
    assert not (tmp_path / "s").exists()


def test_bad_models_are_refused_in_one_line(blob_path: Path, tmp_path: Path) -> None:
    cut, foreign = tmp_path / "cut.onnx", blob_model(tmp_path / "foreign.onnx", metadata="")
    cut.write_bytes(blob_path.read_bytes()[:500])
    text = tmp_path / "text.onnx"
    text.write_text("no model\n")
    for model in (cut, foreign, text, tmp_path / "missing.onnx"):
        refused(keycam("run", "synthetic:", "--no-window", "-m", model), model.name)


def test_outputs_that_cannot_be_written_are_refused_before_work_begins(
    video: Path, blob_path: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    model = ["-m", blob_path]
    refused(keycam("run", video, *model, "-o", blocked / "x.mp4"), "x.mp4")
    refused(keycam("run", video, *model, "-o", tmp_path / "x.txt"), "x.txt", ".mp4")
    refused(keycam("run", video, *model, "--no-window", "--json", blocked / "r"), "Not a directory")
    refused(keycam("record", video, *model, "-o", blocked / "s"), str(blocked / "s"))
    refused(keycam("record", video, *model, "-o", blocked), "exists already")
    refused(keycam("bench", *model, "--json", tmp_path / "no" / "r"), "No such file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blob.avi", "file"]


def test_without_a_display_there_is_a_page_in_its_place(blob_path: Path) -> None:
    pytest.importorskip("starlette")
    result = keycam("run", "synthetic:", "-m", blob_path, "--frames", 3, "--port", 0)
    assert result.exit_code == 0, result.output
    assert "the page is at http://127.0.0.1:" in result.stderr
    assert "3 frames" in result.stdout
    result = keycam("run", "synthetic:", "-m", blob_path, "--frames", 3, "--no-window")
    assert "http" not in result.stderr


def test_where_the_page_cannot_be_is_said_in_a_line(blob_path: Path) -> None:
    pytest.importorskip("starlette")
    run = ("run", "synthetic:", "-m", blob_path)
    refused(keycam(*run, "--host", "192.0.2.1", "--port", 0), "192.0.2.1", "--host")
    refused(keycam("run", "missing.mp4", "-m", blob_path, "--serve", "--port", 0), "missing.mp4")


def test_devices_that_are_not_there_are_refused(blob_path: Path) -> None:
    command = ["run", "synthetic:", "--no-window", "-m", blob_path, "--device", "cuda:7"]
    refused(keycam(*command), "cuda:7")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_polite_kill_end_cleanly(
    how: signal.Signals, blob_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "session"
    command = [*KEYCAM, "record", "synthetic:", "-m", str(blob_path), "-o", str(folder), "--video"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        poses = folder / "poses.jsonl"
        while not (poses.exists() and poses.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"frames" in out
    session = open_session(folder)
    assert session.closed
    assert len(list(session)) > 0
    assert not session.truncated
    assert cv2.VideoCapture(str(folder / "video.mp4")).isOpened()


def test_styles_and_filters_of_a_run(video: Path, blob_path: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out.mp4", tmp_path / "report.json"
    style = ["--style", "nothing,black,nohud,nosquare"]
    options = ["--smoothing", "0.5,20", "--predict", "40", "--json", report]
    result = keycam("run", video, "-m", blob_path, "-o", out, *style, *options)
    assert result.exit_code == 0, result.output
    assert "predicted 40 ms ahead" in result.stdout
    found = json.loads(report.read_text("utf-8"))["filtering"]["prediction"]
    assert found["ahead_ms"] == pytest.approx(40)
    capture = cv2.VideoCapture(str(out))
    assert capture.read()[1].max() < 16
    capture.release()


def test_a_smoothing_is_kept_by_a_recording_and_its_replay(
    video: Path, blob_path: Path, tmp_path: Path
) -> None:
    folder, again = tmp_path / "s", tmp_path / "again"
    options = ["-m", blob_path, "--smoothing", "0.25,3"]
    assert keycam("record", video, "-o", folder, "--lossless", *options).exit_code == 0
    done = keycam("replay", folder, "-m", blob_path, "--fast", "--no-window", "-o", again)
    assert done.exit_code == 0, done.output
    first, second = open_session(folder), open_session(again)
    assert first.facts["options"]["smoothing"] == second.facts["options"]["smoothing"] == "0.25,3"
    for one, other in zip(first, second, strict=True):
        assert (
            one.to_line().partition(b',"latency_ms"')[0]
            == (other.to_line().partition(b',"latency_ms"')[0])
        )


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--style", "glitter"], "glitter"),
        (["--style", "limb=0"], "limb=0"),
        (["--smoothing", "1"], "MIN_CUTOFF,BETA"),
        (["--smoothing", "0,1"], "above 0"),
        (["--record-to", "FILE"], "cannot be written"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(
    options: list[str], word: str, blob_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    own = [str(tmp_path / "file") if option == "FILE" else option for option in options]
    refused(keycam("run", "synthetic:", "--no-window", "-m", blob_path, *own), word)


def test_what_is_for_one_source_is_refused_for_many(video: Path, tmp_path: Path) -> None:
    for option in (["--style", "points"], ["--predict", "20"], ["--tune-smoothing"]):
        result = keycam("record", video, video, "-o", tmp_path / "s", *option)
        assert result.exit_code == 2
        assert "for one source" in result.stderr
