import json

import cv2
import pytest
from command_line import keycam
from reposing import WarpDecoder, blob

from realtime.repose import stage

STAGES = ["grab", "crop", "infer", "track", "decode", "paste", "draw", "loop"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "load_decoder", lambda *_: WarpDecoder(margin=4.0))
    monkeypatch.setattr("realtime.repose.bench.WARMUP", 3)
    cv2.imwrite(str(tmp_path / "subject.png"), blob((500, 400), 40))
    return tmp_path


def test_the_whole_loop_is_measured_stage_by_stage(folder, blob_path):
    result, picture = folder / "bench.json", folder / "subject.png"
    made = keycam(
        "bench", "--repose", "--reference", picture, "--source", picture, "-m", blob_path,
        "--frames", 7, "--json", result,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    table = json.loads(result.read_text())
    (row,) = table["runs"]
    assert list(row["stages"]) == STAGES
    assert {own["n"] for own in row["stages"].values()} == {7}
    assert row["fps"] > 0
    assert row["age_ms"]["n"] == 7
    assert (row["decoder"]["name"], row["size"], row["reposed"]) == ("warp", [500, 400], [500, 400])
    assert table["machine"]["cores"] >= 1
    assert table["model"]["name"] == "blob-mouse4"
    for words in ("warp on warp", "500 x 400", "decode", "frames per second"):
        assert words in made.stdout


def test_it_goes_without_what_compares_engines():
    made = keycam("bench", "--repose", "--engine", "cpu")
    assert made.exit_code == 2
    assert "--repose" in made.stderr
