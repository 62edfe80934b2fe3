"""TensorRT made of Python: its plans hold the ONNX graph, and ONNX Runtime computes it.

It answers False and None as the library does, and works on a FakeGpu's streams and memory.
"""

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx.helper import tensor_dtype_to_np_dtype

from engines.cpu import ort

if TYPE_CHECKING:
    from fake_gpu import FakeGpu

MAGIC = b"fake plan "


def precision_of(model: onnx.ModelProto) -> str:
    kinds = {weight.data_type for weight in model.graph.initializer}
    halves = onnx.TensorProto.FLOAT16 in kinds
    eighths = any(node.op_type == "QuantizeLinear" for node in model.graph.node)
    adds = [node for node in model.graph.node if node.op_type == "Cast"]
    return "int8" if eighths else "fp32" if not halves else "mixed" if len(adds) > 9 else "fp16"


def fake_tensorrt(gpu: "FakeGpu") -> dict[str, Any]:
    """The members of the module."""
    return {
        "__version__": "99.1",
        "ILogger": type("ILogger", (), {"Severity": SimpleNamespace(WARNING=2)}),
        "IProgressMonitor": type("IProgressMonitor", (), {}),
        "NetworkDefinitionCreationFlag": SimpleNamespace(STRONGLY_TYPED=1),
        "MemoryPoolType": SimpleNamespace(WORKSPACE=0),
        "TensorIOMode": SimpleNamespace(INPUT=1, OUTPUT=2),
        "nptype": lambda kind: kind,
        "Builder": lambda logger: _Builder(gpu),
        "OnnxParser": lambda network, logger: _Parser(network),
        "Runtime": lambda logger: _Runtime(gpu),
    }


class _Parser:
    def __init__(self, network: SimpleNamespace) -> None:
        self._network = network
        self.num_errors = 0

    def parse(self, content: bytes) -> bool:
        try:
            model = onnx.load_from_string(content)
        except Exception:  # noqa: BLE001 (as the library: an answer, no exception)
            return False
        self._network.content = content
        self._network.inputs = [_value(own) for own in model.graph.input]
        self._network.num_inputs = len(self._network.inputs)
        return bool(model.graph.node)


class _Builder:
    def __init__(self, gpu: "FakeGpu") -> None:
        self._gpu = gpu

    def create_network(self, flags: int) -> SimpleNamespace:
        assert flags == 1 << 1
        network = SimpleNamespace()
        network.get_input = lambda index: network.inputs[index]
        return network

    def create_builder_config(self) -> SimpleNamespace:
        profiles: list[Any] = []
        return SimpleNamespace(
            profiles=profiles,
            set_memory_pool_limit=lambda pool, size: None,
            add_optimization_profile=lambda own: (profiles.append(own), len(profiles) - 1)[1],
            create_timing_cache=lambda content: SimpleNamespace(content=content),
            set_timing_cache=lambda cache, ignore_mismatch: True,
            get_timing_cache=lambda: SimpleNamespace(serialize=lambda: b"timings"),
        )

    def create_optimization_profile(self) -> SimpleNamespace:
        shapes: dict[str, list[list[int]]] = {}
        return SimpleNamespace(
            shapes=shapes,
            set_shape=lambda name, low, opt, high: shapes.update({name: [low, opt, high]}),
        )

    def build_serialized_network(
        self, network: SimpleNamespace, config: SimpleNamespace
    ) -> bytes | None:
        monitor = config.progress_monitor
        monitor.phase_start("Building engine", None, 4)
        if not all(monitor.step_complete("Building engine", step) for step in range(4)):
            return None
        monitor.phase_finish("Building engine")
        precision = precision_of(onnx.load_from_string(network.content))
        self._gpu.call(f"build {precision}")
        if f"plan {precision}" in self._gpu.broken:
            return None
        header = {"profiles": [profile.shapes for profile in config.profiles]}
        return MAGIC + json.dumps(header).encode() + b"\n" + network.content


def _value(own: onnx.ValueInfoProto) -> SimpleNamespace:
    kind = own.type.tensor_type
    return SimpleNamespace(
        name=own.name,
        shape=[side.dim_value if side.dim_value else -1 for side in kind.shape.dim],
        kind=tensor_dtype_to_np_dtype(kind.elem_type),
    )


class _Runtime:
    def __init__(self, gpu: "FakeGpu") -> None:
        self._gpu = gpu

    def deserialize_cuda_engine(self, plan: bytes) -> "_Engine | None":
        self._gpu.call("deserialise")
        return _Engine(self._gpu, plan) if plan.startswith(MAGIC) else None


class _Engine:
    def __init__(self, gpu: "FakeGpu", plan: bytes) -> None:
        header, _, content = plan[len(MAGIC) :].partition(b"\n")
        model = onnx.load_from_string(content)
        self.gpu = gpu
        self.profiles = json.loads(header)["profiles"]
        self.spoil = gpu.spoil.get(precision_of(model), 0.0)
        self.session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.inputs = [_value(own) for own in model.graph.input]
        self.tensors = {own.name: own for own in [*self.inputs, *map(_value, model.graph.output)]}
        self.num_io_tensors = len(self.tensors)
        self.num_optimization_profiles = len(self.profiles)

    def get_tensor_name(self, index: int) -> str:
        return list(self.tensors)[index]

    def get_tensor_mode(self, name: str) -> int:
        return 1 if name in {own.name for own in self.inputs} else 2

    def get_tensor_dtype(self, name: str) -> Any:
        return self.tensors[name].kind

    def get_tensor_shape(self, name: str) -> list[int]:
        return self.tensors[name].shape

    def get_tensor_profile_shape(self, name: str, profile: int) -> Any:
        return self.profiles[profile][name]

    def create_execution_context(self) -> "_Context":
        self.gpu.call("context")
        return _Context(self)


class _Context:
    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self._profile = -1
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self._profile = profile
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        fixed = self._engine.tensors[name].shape
        low, _, high = self._engine.profiles[self._profile].get(name, (fixed,) * 3)
        self._shapes[name] = shape
        return all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._engine.gpu.call("set address")
        self._addresses[name] = address
        return address % 256 == 0

    def infer_shapes(self) -> list[str]:
        return [own.name for own in self._engine.inputs if own.name not in self._shapes]

    def execute_async_v3(self, handle: int) -> bool:
        gpu = self._engine.gpu
        gpu.call("enqueue")
        gpu.streams[handle].put(self._execute)
        return "execute" not in gpu.broken

    def _execute(self) -> None:
        engine, feeds = self._engine, {}
        for own in engine.inputs:
            shape = self._shapes[own.name]
            size = int(np.prod(shape)) * own.kind.itemsize
            place = engine.gpu.at(self._addresses[own.name], size)
            feeds[own.name] = place.view(own.kind).reshape(shape)
        names = [own.name for own in engine.session.get_outputs()]
        for name, array in zip(names, engine.session.run(names, feeds), strict=True):
            spoilt = name in ("keypoints", "picture")
            moved = (array + np.float32(engine.spoil)).astype(array.dtype) if spoilt else array
            content = np.ascontiguousarray(moved).view(np.uint8).ravel()
            engine.gpu.at(self._addresses[name], content.size)[:] = content
