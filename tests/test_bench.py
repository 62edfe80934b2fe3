from pathlib import Path

from realtime.bench import WARMUP, bench


def test_counts_the_frames_asked_for_and_tells_what_was_measured(blob_path: Path) -> None:
    result = bench("synthetic:size=160x120", model=blob_path, frames=30)
    assert result.report.frames == 30 + WARMUP
    assert {row.n for row in result.report.stages.values()} == {30}
    assert result.report.ended == "limit"
    assert 0 <= result.tracked <= 1
    text = result.to_text()
    for part in ("blob-mouse4", "160 x 120", "onnxruntime", "p99", "frames per second"):
        assert part in text


def test_a_single_frame_is_enough_to_cycle(blob_path: Path) -> None:
    result = bench("synthetic:frames=1,size=160x120", model=blob_path, frames=3)
    assert result.report.frames == 3 + WARMUP
