import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from engines import EngineError
from engines.cpu import open_session
from engines.engine import locate
from engines.precision import LADDERS, crop_feeds, in_precision
from engines.probes import probes


@pytest.fixture(scope="module")
def eighths() -> onnx.ModelProto:
    model = locate("face68").read_bytes()
    return onnx.load_from_string(in_precision(model, "int8", crop_feeds(probes(128, 4))))


def test_full_precision_is_the_file_as_it_is() -> None:
    assert in_precision(b"anything", "fp32", []) == b"anything"


def test_every_ladder_ends_in_full_precision_and_never_goes_down() -> None:
    order = ["int8", "fp16", "mixed", "fp32"]
    for asked, ladder in LADDERS.items():
        assert (ladder[0], ladder[-1]) == (asked, "fp32")
        assert sorted(ladder, key=order.index) == list(ladder)


def test_int8_is_what_tensorrt_reads(eighths: onnx.ModelProto) -> None:
    """Signed and symmetric, weights per channel, biases in full, convolutions alone."""
    weights = {own.name: numpy_helper.to_array(own) for own in eighths.graph.initializer}
    made_by = {name: node for node in eighths.graph.node for name in node.output}
    pairs = [node for node in eighths.graph.node if "Linear" in node.op_type]
    assert pairs
    for node in pairs:
        zero = weights[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
    for node in eighths.graph.node:
        if node.op_type == "Conv":
            image, kernel = (made_by[name] for name in node.input[:2])
            assert image.op_type == kernel.op_type == "DequantizeLinear"
            assert weights[kernel.input[1]].shape == (weights[kernel.input[0]].shape[0],)
            assert weights[node.input[2]].dtype == np.float32


def test_int8_still_finds_the_face(eighths: onnx.ModelProto, tmp_path) -> None:
    onnx.save(eighths, tmp_path / "int8.onnx")
    wanted = open_session(locate("face68"), 1).run(None, {"crop": probes(128)})[0]
    found = open_session(tmp_path / "int8.onnx", 1).run(None, {"crop": probes(128)})[0]
    moved_px = np.linalg.norm(wanted - found, axis=-1) * 64
    assert 0 < moved_px.mean() < 2
    assert eighths.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8


@pytest.mark.parametrize("precision", ["fp16", "mixed", "int8"])
@pytest.mark.parametrize("content", [b"", b"junk" * 99])
def test_what_is_no_graph_is_refused(precision: str, content: bytes) -> None:
    with pytest.raises(EngineError) as caught:
        in_precision(content, precision, crop_feeds(probes(128, 1)))
    assert str(caught.value).isprintable()


def test_without_onnx_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EngineError, match=r'fp16 needs: pip install "keycam\[tensorrt\]"'):
        in_precision(b"", "fp16", [])
