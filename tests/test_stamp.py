from pathlib import Path

import numpy as np
import pytest

from engines import DataError, load
from train.stamp import stamp


@pytest.fixture
def model(blob_path: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "model.onnx"
    copy.write_bytes(blob_path.read_bytes())
    return copy


def test_figures_are_added_to_the_card_and_nothing_else_changes(model: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    before = load(model, "cpu")
    stamp(model, {"val NME": 0.071})
    stamp(model, {"val NME": 0.069, "val px": 2.5})
    after = load(model, "cpu")
    assert after.card.errors == {**before.card.errors, "val NME": 0.069, "val px": 2.5}
    assert after.card.skeleton == before.card.skeleton
    for one, two in zip(before.run(crops), after.run(crops), strict=True):
        np.testing.assert_array_equal(one, two)
    assert [path.name for path in model.parent.iterdir()] == ["model.onnx"]


def test_a_folder_that_cannot_be_written_keeps_the_file(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("onnx.save", full)
    with pytest.raises(DataError, match=r"cannot be written \(No space"):
        stamp(model, {"val NME": 0.071})
    assert model.read_bytes() == whole
