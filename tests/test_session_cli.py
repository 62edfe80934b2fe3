import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from realtime.cli import main
from realtime.session import open_session


def keycam(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def session(blob_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of eight frames with their video."""
    monkeypatch.delenv("DISPLAY", raising=False)
    path = tmp_path / "s"
    source = "synthetic:frames=8,size=160x120"
    result = keycam("record", source, "-m", blob_path, "-o", path, "--video")
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.parametrize("command", ["validate", "replay"])
def test_every_command_explains_itself(command: str) -> None:
    result = keycam(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout
    assert command in keycam("--help").stdout


def test_validate_says_what_is_there(session: Path) -> None:
    result = keycam("validate", session)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "valid")
    table = json.loads(keycam("validate", session, "--json", "-").stdout)
    counts = [table[name] for name in ("captured", "frames", "lost", "dropped", "video_frames")]
    assert counts == [8, 8, 0, 0, 8]
    assert (table["valid"], table["problems"], table["repaired"]) == (True, [], [])


def test_validate_repairs_and_tells_by_its_exit_code(session: Path) -> None:
    poses = session / "poses.jsonl"
    os.truncate(poses, poses.stat().st_size - 3)
    result = keycam("validate", session)
    assert result.exit_code == 1
    assert "the last line of the poses is cut off" in result.stdout
    result = keycam("validate", session, "--repair")
    assert f"repaired, as it was: {poses}.cut1" in result.stdout
    assert result.exit_code == 1  # it was closed with one line more, which is gone
    assert "the end notes 8 poses, there are 7" in result.stdout


def test_what_is_no_session_is_refused_in_one_line(tmp_path: Path) -> None:
    for command in ("validate", "replay"):
        result = keycam(command, tmp_path)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert "no session there" in result.stderr


def test_replay_records_the_same_anew(session: Path, blob_path: Path, tmp_path: Path) -> None:
    command = ["replay", session, "-m", blob_path, "--fast", "--no-window"]
    result = keycam(*command, "-o", tmp_path / "r", "--json", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "r") in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["frames"] == 8
    old, new = open_session(session), open_session(tmp_path / "r")
    assert [record.time_ns for record in new] == [record.time_ns for record in old]
    assert keycam("validate", tmp_path / "r").exit_code == 0


def test_replay_needs_a_model_it_can_find(session: Path) -> None:
    result = keycam("replay", session, "--fast", "--no-window")
    assert result.exit_code == 2
    assert "name it: -m" in result.stderr


def test_lossless_implies_video(blob_path: Path, tmp_path: Path) -> None:
    source = "synthetic:frames=3,size=160x120"
    result = keycam("record", source, "-m", blob_path, "-o", tmp_path / "s", "--lossless")
    assert result.exit_code == 0, result.output
    assert open_session(tmp_path / "s").facts["video"]["lossless"] is True
