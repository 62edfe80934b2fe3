"""One GPU's memory, stream and graphs: the only file that knows pycuda.

The device's primary context is used, the one that TensorRT and torch use too; `pycuda.autoinit`
would make a second one, in which their memory is invalid. Contexts belong to threads, so whoever
touches the GPU does it inside `with gpu.current():`, which costs about a microsecond.
"""

import ctypes
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError

ALIGNMENT = 256  # bytes: of every tensor's address
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
DRIVER_VERSION = Path("/sys/module/nvidia/version")
NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: no waiting for the legacy default stream

log = logging.getLogger(__name__)

Tensors = Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]  # name -> shape and type
Enqueue = Callable[[int], None]  # puts work on the stream with this handle


def obstacles(index: int) -> list[str]:
    """Why GPU `index` cannot be used: one line for each reason, none where it can."""
    reasons = []
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        reasons.append(f"no NVIDIA driver on this machine ({DRIVER} is not to be found)")
    if importlib.util.find_spec("pycuda") is None:
        reasons.append('pycuda is not installed: pip install "keycam[tensorrt]"')
    if reasons:
        return reasons
    try:
        with _translated("the NVIDIA driver does not start"):
            import pycuda.driver as pycuda

            pycuda.init()
            count = pycuda.Device.count()
    except EngineError as error:
        return [str(error)]
    return [] if index < count else [f"there is no GPU {index}: the driver knows {count}"]


class Gpu:
    """GPU `index` of this machine, its primary context held until `close`.

    Attributes:
        name: as its maker calls it.
        capability: its compute capability, "8.9".
        driver: version of the NVIDIA driver.
    """

    def __init__(self, index: int = 0) -> None:
        """Raises:
        EngineError: there is no such GPU, or it does not answer.
        """
        if reasons := obstacles(index):
            raise EngineError("; ".join(reasons))
        with _translated(f"GPU {index} does not answer"):
            import pycuda.driver as pycuda

            device = pycuda.Device(index)
            self.name = device.name()
            self.capability = "{}.{}".format(*device.compute_capability())
            self.driver = _driver_version(pycuda.get_driver_version())
            self._context: pycuda.Context | None = device.retain_primary_context()
        self.index = index

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make it this thread's GPU for the block; may be nested."""
        if self._context is None:
            raise EngineError(f"GPU {self.index} was given back already")
        self._context.push()
        try:
            yield
        finally:
            self._context.pop()

    def close(self) -> None:
        """Let go of the context; whatever was allocated in it is to be freed before."""
        context, self._context = self._context, None
        if context is not None:
            context.detach()


class Exchange:
    """Inputs and outputs of one shape: pinned on the host, the same on the GPU, and their stream.

    All memory is allocated here, once. `run` copies in, lets the work be enqueued, copies out and
    waits once; captured as a CUDA graph, the three are one launch.

    Attributes:
        inputs, outputs: name -> array in pinned memory; write into the one, run, and read the
            other before the next run.
        addresses: name -> where the tensor lies on the GPU.
    """

    def __init__(self, gpu: Gpu, inputs: Tensors, outputs: Tensors) -> None:
        """Raises:
        EngineError: there is not enough memory.
        """
        self._gpu = gpu
        self._blocks: list[_Block] = []
        self._graph: _Graph | None = None
        try:
            with gpu.current(), _translated("no memory on the GPU"):
                import pycuda.driver as pycuda

                self._stream = pycuda.Stream(NON_BLOCKING)
                for tensors in (inputs, outputs):
                    self._blocks.append(_Block(tensors))
        except EngineError:
            self.close()
            raise
        self._in, self._out = self._blocks
        self.inputs, self.outputs = self._in.arrays, self._out.arrays
        self.addresses = self._in.addresses | self._out.addresses

    @property
    def stream(self) -> int:
        """The stream's handle."""
        return self._stream.handle

    @property
    def captured(self) -> bool:
        return self._graph is not None

    def run(self, enqueue: Enqueue) -> None:
        """Copy in, enqueue, copy out, wait.

        Raises:
            EngineError: of `enqueue`, or the GPU failed.
        """
        with self._gpu.current(), _translated("the GPU failed"):
            if self._graph is not None:
                self._graph.launch(self.stream)
            else:
                self._record(enqueue)
            self._stream.synchronize()

    def capture(self, enqueue: Enqueue) -> bool:
        """Make one CUDA graph of what `run` does, where cuda-bindings is installed.

        `run(enqueue)` must have been called once before. What cannot be captured runs as before.
        """
        with self._gpu.current():
            try:
                self._graph = _Graph(self.stream, lambda: self._record(enqueue))
            except (EngineError, ImportError) as error:
                log.debug("no CUDA graph: %s", error)
        return self.captured

    def close(self) -> None:
        """Free all of it; may be called twice."""
        graph, self._graph = self._graph, None
        blocks, self._blocks = self._blocks, []
        if graph is None and not blocks:
            return
        with self._gpu.current():
            if graph is not None:
                graph.close()
            for block in blocks:
                block.free()

    def _record(self, enqueue: Enqueue) -> None:
        import pycuda.driver as pycuda

        pycuda.memcpy_htod_async(self._in.address, self._in.host, self._stream)
        enqueue(self.stream)
        pycuda.memcpy_dtoh_async(self._out.host, self._out.address, self._stream)


class _Block:
    """Several tensors in one piece of pinned memory and one of the GPU's: one copy moves all."""

    def __init__(self, tensors: Tensors) -> None:
        import pycuda.driver as pycuda

        places, size = {}, 0
        for name, (shape, kind) in tensors.items():
            places[name] = size
            size += -(-prod(shape) * kind.itemsize // ALIGNMENT) * ALIGNMENT
        self.host = pycuda.pagelocked_empty(size, np.uint8)
        self.host.fill(0)
        self._memory = pycuda.mem_alloc(size)
        self.address = int(self._memory)
        self.addresses = {name: self.address + place for name, place in places.items()}
        self.arrays: dict[str, NDArray[Any]] = {
            name: self.host[places[name] :][: prod(shape) * kind.itemsize].view(kind).reshape(shape)
            for name, (shape, kind) in tensors.items()
        }

    def free(self) -> None:
        """The GPU's part; the pinned part goes with the last array that shows it."""
        self._memory.free()


class _Graph:
    """What `record` enqueues on a stream, captured with cuda-bindings: pycuda has no graphs."""

    def __init__(self, stream: int, record: Callable[[], None]) -> None:
        """Raises:
        ImportError: cuda-bindings is not installed.
        EngineError: something in `record` cannot be captured.
        """
        from cuda.bindings import driver

        self._driver = driver
        mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", driver.CUstream(stream), mode)
        try:
            with _translated("cannot be captured"):
                record()
        except EngineError:
            driver.cuStreamEndCapture(driver.CUstream(stream))  # its answer is the same error
            raise
        graph = self._call("cuStreamEndCapture", driver.CUstream(stream))
        try:
            self._executable = self._call("cuGraphInstantiate", graph, 0)
        finally:
            driver.cuGraphDestroy(graph)

    def launch(self, stream: int) -> None:
        self._call("cuGraphLaunch", self._executable, self._driver.CUstream(stream))

    def close(self) -> None:
        self._driver.cuGraphExecDestroy(self._executable)

    def _call(self, name: str, *arguments: Any) -> Any:
        status, *results = getattr(self._driver, name)(*arguments)
        if int(status):
            raise EngineError(f"{name} failed: {status}")
        return results[0] if results else None


def _driver_version(cuda: int) -> str:
    """The driver's own version where the system tells it, and the CUDA version it brings."""
    try:
        own = DRIVER_VERSION.read_text("ascii").strip() + ", "
    except OSError:
        own = ""
    return f"{own}CUDA {cuda // 1000}.{cuda % 1000 // 10}"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """pycuda's errors as ours."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:  # pycuda's share no base that is there without it
        lines = str(error).splitlines() or [type(error).__name__]
        raise EngineError(f"{what}: {lines[0]}") from error
