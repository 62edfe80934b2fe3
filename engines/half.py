"""Half precision made in the graph: the body in fp16, all that touches coordinates in fp32.

The body is what lies between the first convolution and the last product, softmaxes and all that
follows them excepted. So inputs and outputs, the normalisation of pixels, a renderer, the
soft-argmax and the confidence stay in fp32.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from engines.errors import EngineError

if TYPE_CHECKING:
    import onnx

PRODUCTS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_FIRST = {"Conv", "ConvTranspose"}
_HEADS = {"Softmax", "Sigmoid"}
_PARAMETERS = {"Resize": (1, 2), "Upsample": (1,)}  # inputs that are fp32 whatever the data is
LARGEST = float(np.finfo(np.float16).max)


def in_half(model: "onnx.ModelProto", how: Literal["fp16", "mixed"]) -> "onnx.ModelProto":
    """A copy of `model` whose body computes in fp16; in and out it is the same.

    Args:
        how: "fp16" for the whole body; "mixed" for its products alone, sums and activations
            staying in fp32, as torch.autocast does.

    Raises:
        EngineError: a weight is too large for fp16, or the graph cannot be rewritten.
    """
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    body = _body(list(inferred.graph.node))
    if how == "mixed":
        body = {index for index in body if inferred.graph.node[index].op_type in PRODUCTS}
    _Rewriter(inferred, body).run()
    onnx.checker.check_model(inferred, full_check=True)
    return inferred


def _body(nodes: "list[onnx.NodeProto]") -> set[int]:
    """Indices of the nodes to be computed in half precision."""
    after = set(_downstream(nodes, _FIRST))
    heads = set(_downstream(nodes, _HEADS))
    needed: set[str] = set()  # by products
    before = set()
    for index in range(len(nodes) - 1, -1, -1):
        node = nodes[index]
        if node.op_type in PRODUCTS or needed.intersection(node.output):
            before.add(index)
            needed.update(node.input)
    return (after & before) - heads


def _downstream(nodes: "list[onnx.NodeProto]", kinds: set[str]) -> Iterator[int]:
    """Nodes of `kinds` and all that depend on them; the nodes are in the order they run in."""
    reached: set[str] = set()
    for index, node in enumerate(nodes):
        if node.op_type in kinds or reached.intersection(node.input):
            reached.update(node.output)
            yield index


class _Rewriter:
    """Turns a graph's body to half precision, with casts at its borders."""

    def __init__(self, model: "onnx.ModelProto", body: set[int]) -> None:
        self._graph = model.graph
        self._body = body
        self._weights = {own.name: own for own in self._graph.initializer}
        self._floats = set(_floats(self._graph))
        self._halves: set[str] = set()  # values that are fp16 under their own name
        self._made: dict[str, str] = {}  # "name to type" -> the value that a cast made
        self._nodes: list[onnx.NodeProto] = []

    def run(self) -> None:
        outputs = {value.name for value in self._graph.output}
        for index, node in enumerate(self._graph.node):
            own = index in self._body
            for place, name in enumerate(node.input):
                fixed = place in _PARAMETERS.get(node.op_type, ())
                if own and name in self._floats and not fixed:
                    node.input[place] = self._half(name)
                elif not own and name in self._halves:
                    node.input[place] = self._cast(name, to_half=False)
            self._nodes.append(node)
            if own:
                self._turn(node, outputs)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        del self._graph.value_info[:]  # its types are the old ones
        used = {name for node in self._nodes for name in node.input}
        kept = [weight for weight in self._graph.initializer if weight.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _turn(self, node: "onnx.NodeProto", outputs: set[str]) -> None:
        """The results of a node of the body are half precision; those of the graph are not."""
        import onnx

        for place, name in enumerate(node.output):
            if name not in self._floats:
                continue
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.name == "to":
                    attribute.i = onnx.TensorProto.FLOAT16
            if name in outputs:
                node.output[place] = f"{name}_half"
                self._halves.add(f"{name}_half")
                self._add_cast(f"{name}_half", name, onnx.TensorProto.FLOAT)
            else:
                self._halves.add(name)

    def _half(self, name: str) -> str:
        """The half-precision form of a value."""
        if name in self._halves:
            return name
        return self._weight(name) if name in self._weights else self._cast(name, to_half=True)

    def _weight(self, name: str) -> str:
        import onnx

        half = f"{name}_half"
        if half not in self._weights:
            values = onnx.numpy_helper.to_array(self._weights[name])
            if not np.abs(values).max(initial=0) <= LARGEST:
                raise EngineError(f"the weight '{name}' is too large for half precision")
            tensor = onnx.numpy_helper.from_array(values.astype(np.float16), half)
            self._weights[half] = tensor
            self._graph.initializer.append(tensor)
        return half

    def _cast(self, name: str, *, to_half: bool) -> str:
        import onnx

        made = f"{name}_half" if to_half else f"{name}_full"
        if made not in self._made:
            kind = onnx.TensorProto.FLOAT16 if to_half else onnx.TensorProto.FLOAT
            self._made[made] = made
            self._add_cast(name, made, kind)
        return made

    def _add_cast(self, name: str, made: str, kind: int) -> None:
        import onnx

        self._nodes.append(onnx.helper.make_node("Cast", [name], [made], f"{made}_cast", to=kind))


def _floats(graph: "onnx.GraphProto") -> Iterator[str]:
    """Names of the fp32 values of a graph."""
    import onnx

    values: Iterable[onnx.ValueInfoProto] = [*graph.input, *graph.value_info, *graph.output]
    for value in values:
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            yield value.name
    for weight in graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            yield weight.name
