import json
from pathlib import Path

from blob_model import blob_model
from click.testing import CliRunner

from realtime.cli import main
from realtime.record_bench import MODES


def test_the_recorder_is_measured_on_and_off_in_one_run(tmp_path: Path) -> None:
    model, file = blob_model(tmp_path / "m.onnx", "face68", 64), tmp_path / "b.json"
    command = ["bench", "--record", "--source", "synthetic:size=160x120", "--frames", "30"]
    result = CliRunner().invoke(main, [*command, "-m", str(model), "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "68 keypoints" in result.stdout
    table = json.loads(file.read_text())
    assert list(table) == ["machine", "versions", "model", "runs", "unfilmed"]
    assert [run["recorder"] for run in table["runs"]] == list(MODES)
    for run in table["runs"]:
        assert list(run["stages"]) == ["record", "record_cpu", "loop"]
        assert all(0 < row["n"] <= 30 for row in run["stages"].values())
