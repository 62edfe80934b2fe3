"""Running a plan on a GPU, whatever its inputs and outputs are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines import nvinfer
from engines.cuda import Exchange, Gpu, Tensors
from engines.errors import EngineError


class _Lane:
    """What one batch size needs: an execution context, its memory, and a CUDA graph if possible.

    Shapes and addresses are set here, once; a run only copies and launches.
    """

    def __init__(self, engine: "nvinfer.trt.ICudaEngine", gpu: Gpu, batch: int) -> None:
        context = engine.create_execution_context()
        if context is None:
            raise nvinfer.failure("gives no execution context")
        self._context = context
        inputs, outputs = tensors(engine, batch)
        self._exchange = Exchange(gpu, inputs, outputs)
        try:
            self._prepare(_profile(engine, batch))
            self._exchange.run(self._enqueue)  # before a capture, and the first run is the slowest
            self._exchange.capture(self._enqueue)
        except EngineError:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        return self._exchange.captured

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        for name, array in feeds.items():
            np.copyto(self._exchange.inputs[name], array)
        self._exchange.run(self._enqueue)
        return {name: array.copy() for name, array in self._exchange.outputs.items()}

    def close(self) -> None:
        del self._context
        self._exchange.close()

    def _prepare(self, profile: int) -> None:
        done = self._context.set_optimization_profile_async(profile, self._exchange.stream)
        for name, array in self._exchange.inputs.items():
            done = done and self._context.set_input_shape(name, array.shape)
        for name, address in self._exchange.addresses.items():
            done = done and self._context.set_tensor_address(name, address)
        if not done or self._context.infer_shapes():
            raise nvinfer.failure("refuses the shapes of its own plan")

    def _enqueue(self, stream: int) -> None:
        if not self._context.execute_async_v3(stream):
            raise nvinfer.failure("cannot run the plan")


class PlanRunner:
    """One plan on one GPU.

    Memory is allocated when a batch size is first seen; after that a run is one launch (of a CUDA
    graph) or three (two copies and the plan), and one wait. May be made on one thread and run on
    another. More than the plan takes at once is run in parts.
    """

    def __init__(self, plan: bytes, index: int, inputs: Tensors, outputs: Tensors) -> None:
        """
        Args:
            plan: for GPU `index`, trusted: a damaged one may end the process.
            inputs, outputs: what the plan must have, for a batch of one.

        Raises:
            EngineError: TensorRT refuses the plan, or it is another model's.
        """
        self._gpu = Gpu(index)
        self.name = f"{nvinfer.title()} cuda:{index} {self._gpu.name}"
        self._lanes: dict[int, _Lane] = {}
        self._runtime: nvinfer.trt.Runtime | None = None
        self._engine: nvinfer.trt.ICudaEngine | None = None
        self._closed = False
        try:
            with self._gpu.current():
                self._runtime, self._engine = _deserialised(plan)
                if tensors(self._engine, 1) != (inputs, outputs):
                    raise EngineError("the plan is not that of this model; compile it again")
                self.batch = _largest_batch(self._engine)
                self._free = _free(self._engine)
        except EngineError:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        """Whether every batch size seen so far runs as a CUDA graph."""
        return bool(self._lanes) and all(lane.captured for lane in self._lanes.values())

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The outputs by name, fresh arrays; the inputs are all given, one of them a batch."""
        whole = feeds[self._free]
        found = [
            self._lane(len(part)).run({**feeds, self._free: part})
            for part in (whole[i : i + self.batch] for i in range(0, len(whole), self.batch))
        ]
        if len(found) == 1:
            return found[0]
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def close(self) -> None:
        lanes, self._lanes = self._lanes, {}
        if self._closed:
            return
        self._closed = True
        with self._gpu.current():
            for lane in lanes.values():
                lane.close()
            self._engine = None
            self._runtime = None

    def _lane(self, batch: int) -> _Lane:
        if batch not in self._lanes:
            if self._engine is None:
                raise EngineError("the engine is closed")
            with self._gpu.current():
                self._lanes[batch] = _Lane(self._engine, self._gpu, batch)
        return self._lanes[batch]


def _deserialised(plan: bytes) -> "tuple[nvinfer.trt.Runtime, nvinfer.trt.ICudaEngine]":
    """An engine, and the runtime that must outlive it."""
    try:
        runtime = nvinfer.trt.Runtime(nvinfer.logger())
    except TypeError as error:
        raise nvinfer.failure("cannot start its runtime") from error
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise nvinfer.failure("refuses the plan")
    return runtime, engine


def tensors(engine: "nvinfer.trt.ICudaEngine", batch: int) -> tuple[Tensors, Tensors]:
    """Inputs and outputs of a plan for a batch: name -> shape and type."""
    trt = nvinfer.trt
    found: dict[nvinfer.trt.TensorIOMode, dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]]]
    found = {trt.TensorIOMode.INPUT: {}, trt.TensorIOMode.OUTPUT: {}}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        shape = tuple(batch if side == -1 else int(side) for side in engine.get_tensor_shape(name))
        kind = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
        found[engine.get_tensor_mode(name)][name] = (shape, kind)
    return found[trt.TensorIOMode.INPUT], found[trt.TensorIOMode.OUTPUT]


def _profile(engine: "nvinfer.trt.ICudaEngine", batch: int) -> int:
    """The first optimisation profile that takes `batch` at once."""
    free = _free(engine)
    for index in range(engine.num_optimization_profiles):
        low, _, high = engine.get_tensor_profile_shape(free, index)
        if low[0] <= batch <= high[0]:
            return index
    raise EngineError(f"the plan was not built for {batch} at once; compile it again")


def _largest_batch(engine: "nvinfer.trt.ICudaEngine") -> int:
    free, profiles = _free(engine), range(engine.num_optimization_profiles)
    return max(int(engine.get_tensor_profile_shape(free, index)[2][0]) for index in profiles)


def _free(engine: "nvinfer.trt.ICudaEngine") -> str:
    """The input whose first side is the batch."""
    single, double = (tensors(engine, batch)[0] for batch in (1, 2))
    for name, (shape, _) in single.items():
        if double[name][0] != shape:
            return name
    raise EngineError("the plan takes no batch; compile it again")
