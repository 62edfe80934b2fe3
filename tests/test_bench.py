from pathlib import Path

import pytest

from engines import EngineError
from realtime.bench import bench, noise_of
from realtime.contest import Contestant


def test_measures_engines_side_by_side_and_tells_what(blob_path: Path) -> None:
    devices = ("cpu", "auto")
    result = bench(
        "synthetic:size=160x120", model=blob_path, devices=devices, frames=210, batches=(1, 3)
    )
    assert [run.device for run in result.runs] == ["cpu", "auto"]
    for run in result.runs:
        assert {row.n for row in run.stages.values()} == {210}
        assert {len(values) for values in run.samples.values()} == {210}
        assert 0 <= run.tracked <= 1
        assert list(run.throughput) == [1, 3]
        assert all(rate > 0 and share > 0 for rate, share in run.throughput.values())
        assert all(value is not None and value >= 0 for value in run.noise.values())
    text = result.to_text()
    for part in ("blob-mouse4", "160 x 120", "onnxruntime", "p99", "GFLOP/s", "batch 3"):
        assert part in text


def test_a_single_frame_is_enough_to_cycle(blob_path: Path) -> None:
    result = bench("synthetic:frames=1,size=160x120", model=blob_path, frames=3, batches=())
    assert result.runs[0].stages["loop"].n == 3
    assert result.runs[0].noise["loop"] is None
    assert result.size == (160, 120)


def test_what_goes_wrong_in_a_process_is_told_here(blob_path: Path) -> None:
    with pytest.raises(EngineError, match="no device 'tpu'"):
        bench(model=blob_path, devices=("cpu", "tpu"), frames=3)
    with Contestant("synthetic:size=96x72", str(blob_path), "cpu") as contestant:
        contestant.ask()
        contestant._process.kill()
        with pytest.raises(EngineError, match="died"):
            contestant.ask("peak")


def test_noise_is_the_standard_error_of_the_turns_medians() -> None:
    assert noise_of([[1.0, 2.0, 3.0]]) is None
    assert noise_of([[5.0], [5.0], [5.0]]) == 0
    # medians 9, 10, 11, 12, 13: middle 11, median deviation 1
    turns = [[value, value, 100.0] for value in (9.0, 10.0, 11.0, 12.0, 13.0)]
    assert noise_of(turns) == pytest.approx(1.4826 * 1.2533 / 5**0.5 / 11)
