from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from test_export import CARD, SIZE

from engines import EngineError, load
from engines.engine import locate
from train.restore import restore_tracker
from train.tracker_network import TrackerGraph


def gap(path: Path) -> float:
    """Between the file in ONNX Runtime and the network read from it, on crops of all sorts."""
    network, card = restore_tracker(path)
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (6, card.size // 8, card.size // 8, 3), np.uint8)
    crops = np.concatenate(
        [
            rng.integers(0, 256, (6, card.size, card.size, 3), np.uint8),
            coarse.repeat(8, axis=1).repeat(8, axis=2),
            np.zeros((1, card.size, card.size, 3), np.uint8),
        ]
    )
    wanted = load(path, "cpu").run(crops)
    with torch.no_grad():
        found = TrackerGraph(network)(torch.from_numpy(crops))
    assert np.ptp(wanted.keypoints) > 1e-3
    return float(np.max([np.abs(a.numpy() - b).max() for a, b in zip(found, wanted, strict=True)]))


def test_what_is_read_answers_as_the_file_does(toy_model: Path) -> None:
    assert restore_tracker(toy_model)[1] == CARD
    assert gap(toy_model) < 1e-4


def test_the_shipped_model_can_be_read_back() -> None:
    assert gap(locate("face68")) < 1e-4


def test_it_can_be_trained(toy_model: Path) -> None:
    network, _ = restore_tracker(toy_model)
    assert not network.training
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    keypoints, logits = network(torch.randn(2, 3, SIZE, SIZE))
    (keypoints.square().sum() + logits.square().sum()).backward()
    optimiser.step()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
    assert any(not torch.equal(before[name], own) for name, own in network.named_parameters())


def test_another_keycam_model_is_no_tracker_network(blob_path: Path) -> None:
    with pytest.raises(EngineError, match=r"blob\.onnx: holds another network"):
        restore_tracker(blob_path)


def changed(toy_model: Path, path: Path, name: str, change) -> Path:
    """The file with one initialiser's values changed."""
    graph = onnx.load(toy_model)
    for entry in graph.graph.initializer:
        if entry.name == name:
            values = change(onnx.numpy_helper.to_array(entry))
            entry.CopyFrom(onnx.numpy_helper.from_array(values, name))
    onnx.save(graph, path)
    return path


def test_weights_of_another_graph_are_noticed(toy_model: Path, tmp_path: Path) -> None:
    """The names are the network's, but the graph does something else with them."""
    graph = onnx.load(toy_model)
    for node in graph.graph.node:
        if node.op_type == "Sigmoid":
            node.op_type = "HardSigmoid"
    onnx.save(graph, tmp_path / "hard.onnx")
    with pytest.raises(EngineError, match=r"hard\.onnx: what was read from it answers"):
        restore_tracker(tmp_path / "hard.onnx")
    nan = changed(toy_model, tmp_path / "nan.onnx", "network.trust.0.bias", lambda v: v * np.nan)
    with pytest.raises(EngineError, match=r"nan\.onnx: what was read from it answers"):
        restore_tracker(nan)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x09" * 50])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"m\.onnx"):
        restore_tracker(tmp_path / "m.onnx")
