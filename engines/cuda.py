"""One GPU's memory and stream: the only file that knows pycuda.

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
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import EngineError, translated
from engines.graph import Graph

if TYPE_CHECKING:
    from pycuda.driver import Context, Stream

ALIGNMENT = 256  # bytes: of every tensor's address
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
DRIVER_VERSION = Path("/sys/module/nvidia/version")
NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: no waiting for the legacy default stream

log = logging.getLogger(__name__)
_contexts: "dict[int, Context]" = {}  # index -> the one pycuda object for its primary context
_lock = Lock()

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
        with translated("the NVIDIA driver does not start"):
            import pycuda.driver as pycuda

            pycuda.init()
            count = pycuda.Device.count()
    except EngineError as error:
        return [str(error)]
    return [] if index < count else [f"there is no GPU {index}: the driver knows {count}"]


class Gpu:
    """GPU `index` of this machine.

    Its primary context is retained once and kept until the process ends, as torch keeps it:
    given back, it would stay, destroyed, on the stack of some thread.

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
        with translated(f"GPU {index} does not answer"), _lock:
            import pycuda.driver as pycuda

            device = pycuda.Device(index)
            self.index = index
            self.name = device.name()
            self.capability = "{}.{}".format(*device.compute_capability())
            self.driver = _driver_version(pycuda.get_driver_version())
            if index not in _contexts:
                _contexts[index] = device.retain_primary_context()
            self._context: Context = _contexts[index]

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make it this thread's GPU for the block; may be nested."""
        with translated(f"GPU {self.index} does not answer"):
            self._context.push()
        try:
            yield
        finally:
            with translated(f"GPU {self.index} does not answer"):
                self._context.pop()


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
        self._blocks: list[_Block] = []  # of the inputs, of the outputs
        self._graph: Graph | None = None
        self._stream: Stream | None = None
        self._closed = False
        try:
            with gpu.current(), translated("no memory on the GPU"):
                import pycuda.driver as pycuda

                self._stream = pycuda.Stream(NON_BLOCKING)
                for tensors in (inputs, outputs):
                    self._blocks.append(_Block(tensors))
        except EngineError:
            self.close()
            raise
        self.inputs, self.outputs = (block.arrays() for block in self._blocks)
        self.addresses = self._blocks[0].addresses | self._blocks[1].addresses

    @property
    def stream(self) -> int:
        """The stream's handle."""
        assert self._stream is not None
        return self._stream.handle

    @property
    def captured(self) -> bool:
        return self._graph is not None

    def run(self, enqueue: Enqueue) -> None:
        """Copy in, enqueue, copy out, wait.

        Raises:
            EngineError: of `enqueue`, or the GPU failed.
        """
        with self._gpu.current(), translated("the GPU failed"):
            if self._graph is not None:
                self._graph.launch(self.stream)
            else:
                self._record(enqueue)
            assert self._stream is not None
            self._stream.synchronize()

    def capture(self, enqueue: Enqueue) -> bool:
        """Make one CUDA graph of what `run` does, where cuda-bindings is installed.

        `run(enqueue)` must have been called once before. What cannot be captured runs as before.
        """
        with self._gpu.current():
            try:
                with translated("no CUDA graph"):  # cuda-bindings may be missing, or not fit
                    self._graph = Graph(self.stream, lambda: self._record(enqueue))
            except EngineError as error:
                log.debug("%s", error)
        return self.captured

    def close(self) -> None:
        """Free all of it, the arrays too; may be called twice.

        pycuda would only warn, and keep, what is freed without its context: so nothing is left to
        the garbage collector.
        """
        if self._closed:
            return
        self._closed = True
        self.inputs, self.outputs = {}, {}
        with self._gpu.current():
            graph, self._graph = self._graph, None
            if graph is not None:
                graph.close()
            while self._blocks:
                self._blocks.pop().free()
            self._stream = None

    def _record(self, enqueue: Enqueue) -> None:
        import pycuda.driver as pycuda

        source, target = self._blocks
        pycuda.memcpy_htod_async(source.address, source.host, self._stream)
        enqueue(self.stream)
        pycuda.memcpy_dtoh_async(target.host, target.address, self._stream)


class _Block:
    """Several tensors in one piece of pinned memory and one of the GPU's: one copy moves all."""

    def __init__(self, tensors: Tensors) -> None:
        import pycuda.driver as pycuda

        self._tensors = tensors
        self._places, size = {}, 0
        for name, (shape, kind) in tensors.items():
            self._places[name] = size
            size += -(-prod(shape) * kind.itemsize // ALIGNMENT) * ALIGNMENT
        self._memory = pycuda.mem_alloc(size)
        try:
            self.host = pycuda.pagelocked_empty(size, np.uint8)
        except Exception:
            self._memory.free()
            raise
        self.host.fill(0)
        self.address = int(self._memory)
        self.addresses = {name: self.address + place for name, place in self._places.items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The pinned memory as one array for each tensor; not to be used after `free`."""
        return {
            name: self.host[self._places[name] :][: prod(shape) * kind.itemsize]
            .view(kind)
            .reshape(shape)
            for name, (shape, kind) in self._tensors.items()
        }

    def free(self) -> None:
        pinned: Any = self.host.base  # pycuda's allocation
        self.host = np.zeros(0, np.uint8)
        pinned.free()
        self._memory.free()


def _driver_version(cuda: int) -> str:
    """The driver's own version where the system tells it, and the CUDA version it brings."""
    try:
        own = DRIVER_VERSION.read_text("ascii").strip() + ", "
    except OSError:
        own = ""
    return f"{own}CUDA {cuda // 1000}.{cuda % 1000 // 10}"
