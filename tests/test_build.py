"""Plans are really parsed and built, by TensorRT-RTX, which needs no GPU for it."""

import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from blob_model import blob_model
from onnx import TensorProto, helper

from engines import EngineError, nvinfer
from engines.build import Stopped, build, targets
from engines.engine import locate, shipped_decoders, shipped_models
from engines.kinds import kind_of
from engines.precision import in_precision
from engines.probes import probes

pytest.importorskip("tensorrt_rtx")

PRECISIONS = ("fp32", "fp16", "mixed", "int8")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    from test_export import CARD
    from toy import TRIANGLE, tiny_config

    from train.export import export_decoder
    from train.parts import Parts

    torch.manual_seed(1)
    parts = Parts(tiny_config(), TRIANGLE).eval()
    return export_decoder(parts, CARD, tmp_path_factory.mktemp("models") / "decoder.onnx", 32)


def decoder_feeds() -> list[dict[str, np.ndarray]]:
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (4, 1, 3, 2)).astype(np.float32)
    return [{"reference": probes(32, 1), "keypoints": own} for own in points]


def serialised(node: onnx.NodeProto) -> bytes:
    """A graph of one node, from "in" to "out"."""
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("elsewhere", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", [*shipped_models(), *shipped_decoders()])
def test_every_shipped_model_in_every_precision(name: str, precision: str, batch: int) -> None:
    path = locate(name)
    kind = kind_of(path)
    feeds = kind.feeds(kind.open(path), probes(128, 2))
    graph = in_precision(path.read_bytes(), precision, feeds)
    built = build(graph, batch=batch)
    assert len(built.plan) > len(graph) / 2


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_decoder_file_in_every_precision(decoder: Path, precision: str, batch: int) -> None:
    graph = in_precision(decoder.read_bytes(), precision, decoder_feeds())
    assert len(build(graph, batch=batch).plan) > len(graph) / 2


@pytest.mark.parametrize("target", ["7.5", "8.9"])
@pytest.mark.parametrize("name", [*shipped_models(), *shipped_decoders()])
def test_half_precision_for_a_named_gpu(name: str, target: str) -> None:
    """Also for Turing, which has no fp32 products: none may be left in the graph."""
    assert target in targets()
    graph = in_precision(locate(name).read_bytes(), "fp16", [])
    assert build(graph, batch=1, target=target).plan


def test_a_gpu_it_does_not_know(blob_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no target '1\.2'; TensorRT-RTX .* knows .*8\.9"):
        build(blob_path.read_bytes(), target="1.2")


def test_it_says_how_far_it_is_and_lets_others_run(blob_path: Path) -> None:
    heard: list[float] = []
    build(blob_path.read_bytes(), tell=lambda part: heard.append(part) or True)
    assert heard == sorted(heard)
    assert heard[0] >= 0
    assert heard[-1] > 0.5
    assert heard[-1] <= 1


def test_it_can_be_stopped(blob_path: Path) -> None:
    with pytest.raises(Stopped):
        build(blob_path.read_bytes(), tell=lambda part: False)
    assert build(blob_path.read_bytes()).plan  # and built all the same afterwards


def test_two_threads_may_build(blob_path: Path) -> None:
    plans: list[bytes] = []
    model = blob_path.read_bytes()
    threads = [threading.Thread(target=lambda: plans.append(build(model).plan)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(plans) == 2


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1])
def test_a_corrupted_model(blob_path: Path, keep: float) -> None:
    content = blob_path.read_bytes()
    cut = content[: int(keep * len(content)) if 0 < keep < 1 else int(keep)]
    with pytest.raises(EngineError, match=r"^TensorRT-RTX [0-9.]+ cannot ") as caught:
        build(cut)
    assert str(caught.value).isprintable()


def test_bit_rot_is_an_error_or_a_plan(blob_path: Path) -> None:
    rng, content = np.random.default_rng(0), blob_path.read_bytes()
    refusals = []
    for place in rng.integers(0, 900, 25):
        rotten = bytearray(content)
        rotten[place] ^= int(rng.integers(1, 256))
        try:
            build(bytes(rotten), batch=1)
        except EngineError as error:
            refusals.append(str(error))
    assert refusals
    assert all(text.isprintable() for text in refusals)


def test_an_unknown_operator_is_named_with_its_node() -> None:
    node = helper.make_node("Frobnicate", ["in"], ["out"], "the_odd_one", domain="elsewhere")
    with pytest.raises(EngineError, match="node 'the_odd_one' \\(Frobnicate\\)"):
        build(serialised(node))


def test_a_graph_that_no_gpu_can_run(tmp_path: Path) -> None:
    """uint8 may feed a cast alone: what the parser takes is refused by the one or the other."""
    model = onnx.load(blob_model(tmp_path / "blob.onnx"))
    model.graph.node[0].CopyFrom(helper.make_node("ReduceMax", ["crop"], ["bgr"], keepdims=1))
    with pytest.raises(EngineError, match="TensorRT-RTX"):
        build(model.SerializeToString())


def test_the_log_of_one_failure_is_not_told_with_the_next(blob_path: Path) -> None:
    with pytest.raises(EngineError, match="ParseFromCodedStream"):
        build(b"x" * 99)
    assert "ParseFromCodedStream" not in str(nvinfer.failure("did something else"))
