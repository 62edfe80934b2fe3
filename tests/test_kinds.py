"""Decoders go the same way to a GPU as trackers do; the GPU here is made of Python."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blob_model import blob_card
from decoder_model import decoder_model
from fake_gpu import FakeGpu, install

from engines import Card, Decoder, EngineError, load_decoder
from engines.build import build
from engines.compile import Order, cached, compiled_model
from engines.cpu_decoder import CpuDecoder
from engines.cuda import Gpu
from engines.kinds import kind_of, pose_pairs
from engines.probes import probes
from engines.trt import TensorRtDecoder

CARD = replace(blob_card("mouse4", kind="decoder"), name="mover")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGpu:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return install(monkeypatch, graphs=True)


@pytest.fixture(params=[True, False], ids=["pose", "no pose"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return decoder_model(tmp_path / "mover.onnx", CARD, asks_pose=request.param)


def draws_as_on_the_cpu(decoder: Decoder, path: Path) -> None:
    cpu, references = CpuDecoder(path), probes(64, 2)
    for reference, (pose, other) in zip(references, pose_pairs(CARD, 2), strict=True):
        for own in (cpu, decoder):
            own.prepare(reference, pose)
        many = np.stack([other, pose, other + 0.25, pose - 0.25, other, pose])
        for asked in (other, many):
            np.testing.assert_array_equal(decoder.draw(asked), cpu.draw(asked))


def test_a_decoder_is_built_compared_and_then_taken_from_the_cache(
    gpu: FakeGpu, path: Path
) -> None:
    order = Order(path=path, precision="fp32")
    first = compiled_model(order)
    assert isinstance(first.engine, TensorRtDecoder)
    assert isinstance(first.engine, Decoder)
    assert "pictures differ by 0 grey levels" in first.plan.tried["fp32"]
    draws_as_on_the_cpu(first.engine, path)
    first.engine.close()
    again = cached(order)
    assert not again.fresh
    draws_as_on_the_cpu(again.engine, path)
    again.engine.close()
    assert gpu.empty


def test_pictures_that_differ_are_refused(gpu: FakeGpu, path: Path) -> None:
    gpu.spoil = {"fp32": 40.0}
    with pytest.raises(EngineError, match=r"pictures differ by .* grey levels, more than 2"):
        compiled_model(Order(path=path, precision="fp32"))
    assert gpu.empty


def test_it_is_opened_on_a_gpu_by_the_rules_of_trackers(gpu: FakeGpu, path: Path) -> None:
    decoder = load_decoder(path, "cuda", wait=True)
    assert decoder.name == "TensorRT 99.1 cuda:0 Fake 1000"
    draws_as_on_the_cpu(decoder, path)
    decoder.close()
    again = load_decoder(path, "auto")
    assert isinstance(again, TensorRtDecoder)
    again.close()
    assert gpu.empty


def test_a_plan_of_another_decoder(gpu: FakeGpu, path: Path, face_card: Card) -> None:
    own = Gpu(0)
    with own.current():
        plan = build(path.read_bytes()).plan
    other = replace(face_card, kind="decoder")
    with pytest.raises(EngineError, match="not that of this model"):
        TensorRtDecoder(plan, other, 0, precision="fp32", asks_pose=True)
    assert gpu.empty


def test_feeds_are_what_the_graph_asks_for(path: Path, blob_path: Path) -> None:
    kind = kind_of(path)
    cpu = kind.open(path)
    feeds = kind.feeds(cpu, None)
    assert len(feeds) == len(probes(64))
    wanted = {"reference", "keypoints", *(["pose"] if cpu.asks_pose else [])}
    assert all(set(own) == wanted for own in feeds)
    tracker = kind_of(blob_path)
    assert [set(own) for own in tracker.feeds(tracker.open(blob_path), probes(64, 2))] == [
        {"crop"}
    ] * 2
