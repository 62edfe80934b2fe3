from pathlib import Path

import numpy as np
import onnx
import pytest
from blob_model import blob_model
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from engines import EngineError
from engines.cpu import open_session
from engines.engine import locate
from engines.half import in_half
from engines.probes import probes


@pytest.fixture(scope="module")
def face() -> onnx.ModelProto:
    return onnx.load(locate("face68"))


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    values = [*inferred.input, *inferred.value_info, *inferred.output]
    found = {value.name: value.type.tensor_type.elem_type for value in values}
    return found | {weight.name: weight.data_type for weight in inferred.initializer}


def small(nodes, weights, outputs=("out",)) -> onnx.ModelProto:
    """A graph from "in" (1, 2, 4, 4) to (1, ...) floats."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 2, 4, 4])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def conv(name: str, source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("Conv", [source, "w"], [target], name)


KERNEL = {"w": np.random.default_rng(0).normal(size=(2, 2, 1, 1)).astype(np.float32)}


def test_the_face_model_computes_its_body_in_half_and_coordinates_in_full(face) -> None:
    half = in_half(face, "fp16")
    kinds = types_of(half)
    for node in half.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul", "Clip", "ReduceMean", "Resize"):
            assert kinds[node.input[0]] == kinds[node.output[0]] == TensorProto.FLOAT16, node.name
        if node.op_type in ("Softmax", "Sigmoid", "ReduceSum", "Concat", "Div", "Sub"):
            assert kinds[node.output[0]] == TensorProto.FLOAT, node.name
    assert [kinds[value.name] for value in half.graph.input] == [TensorProto.UINT8]
    assert [kinds[value.name] for value in half.graph.output] == [TensorProto.FLOAT] * 2
    assert half.ByteSize() < 0.6 * face.ByteSize()
    assert [own.key for own in half.metadata_props] == [own.key for own in face.metadata_props]


def test_mixed_keeps_sums_and_activations_in_full(face) -> None:
    kinds = types_of(mixed := in_half(face, "mixed"))
    for node in mixed.graph.node:
        if node.op_type in ("Clip", "Add", "ReduceMean", "Resize"):
            assert kinds[node.output[0]] == TensorProto.FLOAT, node.name
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            assert kinds[node.output[0]] == TensorProto.FLOAT16, node.name


def test_the_model_itself_is_left_alone(face) -> None:
    before = face.SerializeToString()
    in_half(face, "fp16")
    in_half(face, "mixed")
    assert face.SerializeToString() == before


@pytest.mark.parametrize("how", ["fp16", "mixed"])
def test_keypoints_move_less_than_the_gate_allows(face, how: str, tmp_path: Path) -> None:
    """With weights in half; ONNX Runtime computes most of the rest in full."""
    path = tmp_path / "half.onnx"
    onnx.save(in_half(face, how), path)
    wanted = open_session(locate("face68"), 1).run(None, {"crop": probes(128)})
    found = open_session(path, 1).run(None, {"crop": probes(128)})
    moved_px = np.linalg.norm(wanted[0] - found[0], axis=-1).max() * 64
    assert 0 < moved_px < 0.1
    assert np.abs(wanted[1] - found[1]).max() < 0.01


def test_every_step_of_the_body_is_rounded_as_numpy_rounds_it() -> None:
    """ONNX's own evaluator computes each node in the type the graph says."""
    nodes = [
        conv("first", "in", "a"),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("second", "b", "c"),
        helper.make_node("Softmax", ["c"], ["out"], axis=1),
    ]
    values = np.random.default_rng(1).normal(size=(1, 2, 4, 4)).astype(np.float32)
    (found,) = ReferenceEvaluator(in_half(small(nodes, KERNEL), "fp16")).run(None, {"in": values})
    w = KERNEL["w"][:, :, 0, 0].astype(np.float16)
    a = np.einsum("oc,nchw->nohw", w, values.astype(np.float16)).astype(np.float16)
    c = np.einsum("oc,nchw->nohw", w, np.maximum(a, 0)).astype(np.float32)
    wanted = np.exp(c) / np.exp(c).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert found.dtype == np.float32


def test_an_output_of_the_body_is_cast_back() -> None:
    nodes = [conv("only", "in", "out"), helper.make_node("Relu", ["out"], ["other"])]
    half = in_half(small(nodes, KERNEL, ("out", "other")), "fp16")
    assert [types_of(half)[name] for name in ("out", "other")] == [TensorProto.FLOAT] * 2
    values = np.ones((1, 2, 4, 4), np.float32)
    out, other = ReferenceEvaluator(half).run(None, {"in": values})
    np.testing.assert_allclose(out[0, :, 0, 0], KERNEL["w"][:, :, 0, 0].sum(1), atol=2e-3)
    np.testing.assert_array_equal(other, np.maximum(out, 0))


def test_casts_inside_the_body_go_to_half() -> None:
    nodes = [
        conv("first", "in", "a"),
        helper.make_node("Cast", ["a"], ["b"], to=TensorProto.INT32),
        helper.make_node("Cast", ["b"], ["c"], to=TensorProto.FLOAT),
        conv("second", "c", "out"),
    ]
    kinds = types_of(in_half(small(nodes, KERNEL), "fp16"))
    assert (kinds["b"], kinds["c"]) == (TensorProto.INT32, TensorProto.FLOAT16)


def test_a_renderer_before_the_first_convolution_stays_in_full() -> None:
    """Products of coordinates, as a decoder's renderer has, are not the body."""
    nodes = [
        helper.make_node("MatMul", ["in", "turn"], ["turned"]),
        conv("first", "turned", "out"),
    ]
    turn = {"turn": np.eye(4, dtype=np.float32)}
    kinds = types_of(in_half(small(nodes, KERNEL | turn), "fp16"))
    assert kinds["turned"] == kinds["turn"] == TensorProto.FLOAT


def test_a_weight_used_in_both_precisions_is_there_twice() -> None:
    nodes = [
        helper.make_node("Add", ["in", "one"], ["moved"]),
        conv("first", "moved", "a"),
        helper.make_node("Add", ["a", "one"], ["b"]),
        conv("second", "b", "out"),
    ]
    half = in_half(small(nodes, KERNEL | {"one": np.ones(1, np.float32)}), "fp16")
    kinds = types_of(half)
    assert (kinds["one"], kinds["one_half"]) == (TensorProto.FLOAT, TensorProto.FLOAT16)
    assert "w" not in {weight.name for weight in half.graph.initializer}


def test_a_graph_without_convolutions_stays_as_it_is(tmp_path: Path) -> None:
    model = onnx.load(blob_model(tmp_path / "blob.onnx"))
    assert TensorProto.FLOAT16 not in types_of(in_half(model, "fp16")).values()


@pytest.mark.parametrize("value", [7e4, -7e4, np.inf, np.nan])
def test_a_weight_too_large_for_half_is_named(value: float) -> None:
    weights = {"w": np.full((2, 2, 1, 1), value, np.float32)}
    with pytest.raises(EngineError, match="weight 'w' is too large for half precision"):
        in_half(small([conv("first", "in", "out")], weights), "fp16")
