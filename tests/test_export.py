from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy import TRIANGLE, tiny_config

from engines import Card, EngineError, load, load_decoder
from engines.cpu import open_session, read_card
from train import export as module
from train.export import (
    DecoderGraph,
    TeacherGraph,
    export_decoder,
    export_tracker,
    export_warping_decoder,
)
from train.parts import Parts
from train.tracker_network import TrackerGraph, TrackerNetwork
from train.warping_decoder import WarpingDecoder

SIZE = 32
CARD = Card(
    kind="tracker",
    name="toy",
    skeleton=TRIANGLE,
    size=SIZE,
    margin=1.6,
    data="dots",
    licence="Apache-2.0",
    method="none",
    errors={"dots": 0.25},
    run="0" * 64,
)


def noise(count: int, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.fixture(scope="module")
def network() -> TrackerNetwork:
    """With running means that are not those of a fresh network."""
    torch.manual_seed(0)
    network = TrackerNetwork(3).train()
    for _ in range(3):
        network(torch.randn(4, 3, SIZE, SIZE))
    return network.eval()


@pytest.fixture(scope="module")
def model(network: TrackerNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tracker(network, CARD, tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture(scope="module")
def parts() -> Parts:
    torch.manual_seed(1)
    parts = Parts(tiny_config(), TRIANGLE).train()
    for layer in parts.modules():  # a fresh network's pictures are all but grey
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    parts.decoder(torch.randn(4, 1, SIZE, SIZE), torch.randn(4, 3, SIZE, SIZE))
    return parts.eval()


@pytest.mark.parametrize("batch", [1, 5])
def test_a_model_file_loads_and_equals_torch(
    batch: int, model: Path, network: TrackerNetwork
) -> None:
    engine = load(model, "cpu")
    found = engine.run(noise(batch))
    with torch.no_grad():
        keypoints, confidence = TrackerGraph(network)(torch.from_numpy(noise(batch)))
    np.testing.assert_allclose(found.keypoints, keypoints.numpy(), atol=1e-4)
    np.testing.assert_allclose(found.confidence, confidence.numpy(), atol=1e-4)
    assert np.ptp(found.keypoints) > 1e-3
    engine.close()


def test_the_model_file_carries_its_card_and_lies_there_alone(model: Path) -> None:
    assert load(model, "cpu").card == CARD
    assert [path.name for path in model.parent.iterdir()] == ["toy.onnx"]


def test_the_teacher_graph_is_the_teacher_on_camera_pictures(parts: Parts) -> None:
    with torch.no_grad():
        keypoints, confidence = TeacherGraph(parts.teacher)(torch.from_numpy(noise(2)))
        rgb = torch.from_numpy(noise(2)[..., ::-1].copy()).permute(0, 3, 1, 2) / 127.5 - 1
        torch.testing.assert_close(keypoints, parts.teacher(rgb), atol=1e-6, rtol=0)
    assert confidence.tolist() == [[1.0] * 3] * 2


def test_the_decoder_file_draws_n_poses_on_one_reference(parts: Parts, tmp_path: Path) -> None:
    path = export_decoder(parts, CARD, tmp_path / "decoder.onnx", SIZE)
    session = open_session(path, 1)
    card = read_card(session, path, "decoder")
    assert (card.kind, card.size, card.skeleton) == ("decoder", SIZE, TRIANGLE)
    reference = noise(1)
    for count in (1, 4):
        points = np.random.default_rng(2).uniform(-0.8, 0.8, (count, 3, 2)).astype(np.float32)
        (picture,) = session.run(None, {"reference": reference, "keypoints": points})
        assert (picture.shape, picture.dtype) == ((count, SIZE, SIZE, 3), np.uint8)
        with torch.no_grad():
            graph = DecoderGraph(parts.decoder, parts.renderer)
            wanted = graph(torch.from_numpy(reference), torch.from_numpy(points)).numpy()
        assert np.abs(picture.astype(int) - wanted).max() <= 1
        assert picture.std() > 5
    with pytest.raises(EngineError, match="decoder file"):
        load(path, "cpu")


def test_the_decoder_graph_gives_the_decoders_picture_in_the_cameras_order(parts: Parts) -> None:
    points = torch.tensor([[[-0.4, 0.3], [0.4, 0.3], [0.0, -0.4]]])
    reference = torch.from_numpy(noise(1))
    with torch.no_grad():
        other = (reference.permute(0, 3, 1, 2).flip(1) / 127.5) - 1
        rgb = parts.decoder(parts.renderer(points), other)
        wanted = ((rgb.clamp(-1, 1) + 1) * 127.5)[0].flip(0).permute(1, 2, 0)
        shown = DecoderGraph(parts.decoder, parts.renderer)(reference, points)[0]
    assert (shown.float() - wanted).abs().max() <= 0.51


def test_a_warping_decoders_file_is_the_network_on_camera_pictures(tmp_path: Path) -> None:
    torch.manual_seed(2)
    decoder = WarpingDecoder(3, 4)
    with torch.no_grad():
        for last in (decoder.last, decoder.motion.last):
            last.weight.normal_(0, 0.2)
    poses = torch.tensor([[[-0.4, 0.3], [0.4, 0.3], [0.0, -0.4]]]) + 0.1 * torch.randn(4, 3, 2)
    decoder.train()(torch.rand(4, 3, SIZE, SIZE), poses, poses.flip(0))
    path = export_warping_decoder(decoder.eval(), CARD, tmp_path / "decoder.onnx")
    engine = load_decoder(path)
    assert (engine.card.kind, engine.card.skeleton) == ("decoder", TRIANGLE)
    reference = noise(1)[0]
    engine.prepare(reference, poses[0].numpy())
    found = engine.draw(poses[1:].numpy())
    with torch.no_grad():
        rgb = torch.from_numpy(reference[..., ::-1].copy()).permute(2, 0, 1) / 127.5 - 1
        count = len(poses) - 1
        made = decoder(rgb.expand(count, -1, -1, -1), poses[:1].expand(count, -1, -1), poses[1:])
        wanted = ((made.picture.clamp(-1, 1) + 1) * 127.5).flip(1).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - wanted).max() <= 1.01
    assert found.std() > 5
    content = path.read_bytes()
    for folder in (Path(__file__).parents[1], Path(torch.__file__).parents[1]):
        assert str(folder).encode() not in content


class TwoFaced(nn.Module):
    """Computes one thing and exports another."""

    def __init__(self, difference: float) -> None:
        super().__init__()
        self.difference = difference

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        keypoints = crop.float().mean(dim=(1, 2))[:, :, None].expand(-1, -1, 2) / 255
        if torch.compiler.is_exporting():
            keypoints = keypoints + self.difference
        return keypoints, keypoints[:, :, 0]


def test_a_graph_that_differs_fails_and_leaves_no_file(tmp_path: Path) -> None:
    outputs = ["keypoints", "confidence"]
    with pytest.raises(EngineError, match=r"differ by 0\.0003 \(at most 0\.0001"):
        module._export(TwoFaced(3e-4), {"crop": noise(3)}, outputs, CARD, tmp_path / "two.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("difference", "passes"), [(0.0, True), (8e-5, True), (2e-4, False), (float("nan"), False)]
)
def test_the_bound_on_differences(
    difference: float, passes: bool, model: Path, network: TrackerNetwork
) -> None:
    inputs = {"crop": noise(3)}
    with torch.no_grad():
        keypoints, confidence = TrackerGraph(network)(torch.from_numpy(noise(3)))
    confidence[1, 1] += difference
    if passes:
        module._prove(model, inputs, (keypoints, confidence))
    else:
        with pytest.raises(EngineError, match="torch differ"):
            module._prove(model, inputs, (keypoints, confidence))


def test_a_failed_export_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two.onnx"
    path.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no exporter today")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(RuntimeError, match="today"):
        export_tracker(TrackerNetwork(3), CARD, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["two.onnx"]
