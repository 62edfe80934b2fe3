import os
from pathlib import Path

import pytest

from engines import DataError
from train.finding import Finding
from train.logbook import Logbook, found


def test_facts_are_kept(tmp_path: Path) -> None:
    warnings = [Finding(where="a.mp4", what="dark", remedy="light"), Finding(what="x")]
    Logbook(tmp_path).write(name="m", findings=found(warnings))
    book = Logbook(tmp_path)
    book.write(frames=3)
    again = Logbook(tmp_path)
    assert (again.facts["name"], again.facts["frames"]) == ("m", 3)
    assert again.findings == warnings
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_the_time_of_a_stage_counts_however_it_ends(tmp_path: Path) -> None:
    book = Logbook(tmp_path)
    with book.stage("joint"):
        pass
    with pytest.raises(KeyboardInterrupt), book.stage("joint"):
        raise KeyboardInterrupt
    again = Logbook(tmp_path)
    assert list(again.facts["seconds"]) == ["joint"]
    assert again.facts["stage"] is None
    assert again.seconds(tmp_path / "none")["joint"] >= 0


def test_a_killed_stage_counts_to_its_last_metrics(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("{}\n")
    os.utime(metrics, (1000.0, 1000.0))
    Logbook(tmp_path).write(seconds={"pretrain": 5.0}, stage="joint", stage_begun=940.0)
    assert Logbook(tmp_path).seconds(metrics) == {"pretrain": 5.0, "joint": 60.0}


@pytest.mark.parametrize("text", ["", "{", "[1]", "3"])
def test_a_damaged_logbook_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run\.json: not a run's logbook"):
        Logbook(tmp_path)
