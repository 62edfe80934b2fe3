"""A GPU made of Python: pycuda and cuda-bindings as keycam uses them, and as strict.

What is put on a stream runs when the stream is waited for, not before; touching the GPU without
its context, copying from memory that is not pinned, and using what was freed are errors.
"""

import sys
import threading
from collections import Counter
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_tensorrt import fake_tensorrt

from engines import cuda, nvinfer


class FakeGpu:
    """The state of it all.

    Attributes:
        calls: how often what was called.
        order: the same, one after the other.
        spoil: added to the keypoints of a plan by its precision: "fp32", "fp16" or "int8".
        broken: names of calls that fail; "plan fp16" for a precision that cannot be built.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        self.spoil: dict[str, float] = {}
        self.broken: set[str] = set()
        self.memory: dict[int, np.ndarray] = {}
        self.pinned: list[Pinned] = []
        self.streams: dict[int, Stream] = {}
        self.contexts = threading.local()
        self.retained = 0
        self.log: Any = None

    @property
    def empty(self) -> bool:
        """Whether everything was given back, but for the context, which is kept."""
        return not self.memory and not self.pinned and self.retained <= 1

    def call(self, name: str, *, context: bool = True) -> None:
        if context and not getattr(self.contexts, "stack", None):
            raise Error(f"{name}: invalid device context")
        self.calls[name] += 1
        self.order.append(name)
        if name in self.broken:
            raise Error(f"{name}: unspecified launch failure")

    def at(self, address: int, size: int) -> np.ndarray:
        """`size` bytes of the GPU's memory."""
        for start, block in self.memory.items():
            if start <= address and address + size <= start + block.size:
                return block[address - start :][:size]
        raise Error(f"illegal address {address}")

    def is_pinned(self, array: np.ndarray) -> bool:
        blocks = (np.frombuffer(own, np.uint8) for own in self.pinned)
        return any(np.shares_memory(array, block) for block in blocks)


class Error(Exception):
    """pycuda.driver.Error"""


class Stream:
    """Work that waits to be done, or is captured."""

    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.handle = 1000 + len(gpu.streams)
        self.capture: list[Callable[[], None]] | None = None
        self.work: list[Callable[[], None]] = []
        gpu.streams[self.handle] = self

    def put(self, work: Callable[[], None]) -> None:
        (self.work if self.capture is None else self.capture).append(work)

    def synchronize(self) -> None:
        self._gpu.call("synchronize")
        assert self.capture is None, "waiting inside a capture"
        work, self.work = self.work, []
        for own in work:
            own()


def install(monkeypatch: pytest.MonkeyPatch, *, graphs: bool) -> FakeGpu:
    """Put the fake in the place of the real packages; `graphs`: cuda-bindings is there too."""
    gpu = FakeGpu()
    driver = _pycuda(gpu)
    modules = {
        "pycuda": module_of("pycuda", driver=driver),
        "pycuda.driver": driver,
        "tensorrt": module_of("tensorrt", **fake_tensorrt(gpu)),
        "cuda": None,
        "cuda.bindings": None,
        "cuda.bindings.driver": None,
    }
    if graphs:
        bindings = _bindings(gpu)
        modules["cuda"] = module_of("cuda")
        modules["cuda.bindings"] = module_of("cuda.bindings", driver=bindings)
        modules["cuda.bindings.driver"] = bindings
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(cuda.ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr(cuda, "_contexts", {})
    monkeypatch.setitem(vars(nvinfer), "trt", modules["tensorrt"])
    monkeypatch.setattr(nvinfer, "logger", lambda: nvinfer.trt.ILogger())
    return gpu


def module_of(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    vars(module).update(members)
    return module


class Context:
    """The one context of the GPU; threads have stacks of them."""

    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu

    def push(self) -> None:
        self._gpu.contexts.stack = [*getattr(self._gpu.contexts, "stack", []), self]

    def pop(self) -> None:
        assert self._gpu.contexts.stack.pop() is self


class Device:
    """The one GPU."""

    def __init__(self, gpu: FakeGpu, number: int) -> None:
        assert number == 0
        self._gpu = gpu

    def name(self) -> str:
        return "Fake 1000"

    def compute_capability(self) -> tuple[int, int]:
        return 8, 9

    def retain_primary_context(self) -> Context:
        self._gpu.retained += 1
        return Context(self._gpu)


class Pinned(bytearray):
    """A piece of the host's pinned memory; pycuda's arrays have it for their base."""

    gpu: FakeGpu

    def free(self) -> None:
        self.gpu.call("free pinned")
        self.gpu.pinned = [own for own in self.gpu.pinned if own is not self]


class Memory:
    """A piece of the GPU's memory, full of rubbish."""

    def __init__(self, gpu: FakeGpu, size: int) -> None:
        gpu.call("mem_alloc")
        self._gpu = gpu
        self._address = (1 + len(gpu.memory) + gpu.calls["mem_alloc"]) << 32
        gpu.memory[self._address] = np.full(size, 0xEE, np.uint8)

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        self._gpu.call("free")
        del self._gpu.memory[self._address]


def _pycuda(gpu: FakeGpu) -> ModuleType:
    def pagelocked_empty(size: int, kind: Any) -> np.ndarray:
        gpu.call("pagelocked_empty")
        own = Pinned(b"\xee" * size)
        own.gpu = gpu
        gpu.pinned.append(own)
        array = np.ndarray(size, kind, buffer=own)
        assert array.base is own
        return array

    def copy_in(dest: int, src: np.ndarray, stream: Stream) -> None:
        gpu.call("copy in")
        assert gpu.is_pinned(src)
        stream.put(lambda: gpu.at(dest, src.nbytes).__setitem__(slice(None), src))

    def copy_out(dest: np.ndarray, src: int, stream: Stream) -> None:
        gpu.call("copy out")
        assert gpu.is_pinned(dest)
        stream.put(lambda: dest.__setitem__(slice(None), gpu.at(src, dest.nbytes)))

    def device(number: int) -> Device:
        return Device(gpu, number)

    vars(device)["count"] = lambda: 1
    return module_of(
        "pycuda.driver",
        Error=Error,
        Device=device,
        Stream=lambda flags: Stream(gpu),
        init=lambda flags=0: gpu.call("init", context=False),
        get_driver_version=lambda: 13000,
        mem_alloc=lambda size: Memory(gpu, size),
        pagelocked_empty=pagelocked_empty,
        memcpy_htod_async=copy_in,
        memcpy_dtoh_async=copy_out,
    )


def _bindings(gpu: FakeGpu) -> ModuleType:
    def begin(stream: int, mode: str) -> tuple[int]:
        gpu.call("begin capture")
        gpu.streams[stream].capture = []
        return (0,)

    def end(stream: int) -> tuple[int, Any]:
        gpu.call("end capture")
        work, gpu.streams[stream].capture = gpu.streams[stream].capture, None
        return (901 if "capture" in gpu.broken else 0, work)

    def launch(executable: Any, stream: int) -> tuple[int]:
        gpu.call("launch")
        gpu.streams[stream].put(lambda: [own() for own in executable])
        return (0,)

    return module_of(
        "cuda.bindings.driver",
        CUstream=int,
        CUstreamCaptureMode=SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread"),
        cuStreamBeginCapture=begin,
        cuStreamEndCapture=end,
        cuGraphInstantiate=lambda graph, flags: (0, graph),
        cuGraphDestroy=lambda graph: (0,),
        cuGraphExecDestroy=lambda executable: (0,),
        cuGraphLaunch=launch,
    )
