from pathlib import Path

import numpy as np
import pytest

from engines import Card, Engine, EngineError, Prediction, load
from engines.engine import shipped_models
from engines.fake import FakeEngine
from engines.geometry import Image


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_load_takes_text_and_paths(blob_path: Path, device: str) -> None:
    for path in (blob_path, str(blob_path)):
        assert load(path, device).card.name == "blob-mouse4"


@pytest.mark.parametrize("device", ["tpu", "", "CPU"])
def test_unknown_devices_are_refused(blob_path: Path, device: str) -> None:
    with pytest.raises(EngineError, match=f"device '{device}'"):
        load(blob_path, device)


@pytest.mark.parametrize("path", ["no-such-model", "no/such/model.onnx", ""])
def test_a_missing_file_is_named(path: str) -> None:
    with pytest.raises(EngineError, match=f"no model file '{path}'"):
        load(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no model file"):
        load(tmp_path)


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_run(name: str) -> None:
    engine = load(name)
    size, points = engine.card.size, len(engine.card.skeleton.keypoints)
    keypoints, confidence = engine.run(np.zeros((2, size, size, 3), np.uint8))
    assert keypoints.shape == (2, points, 2)
    assert np.isfinite(keypoints).all()
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    assert engine.card.licence


def test_the_fake_keeps_the_protocol(mouse_card: Card) -> None:
    def answer(crops: Image) -> Prediction:
        count = len(crops)
        return Prediction(np.zeros((count, 4, 2), np.float32), np.ones((count, 4), np.float32))

    engine = FakeEngine(mouse_card, answer)
    assert isinstance(engine, Engine)
    assert engine.run(np.zeros((3, 64, 64, 3), np.uint8)).keypoints.shape == (3, 4, 2)
    engine.close()
    assert (engine.calls, engine.closed) == (1, True)
