"""From an ONNX graph to a TensorRT plan.

Precision is the graph's: the network is strongly typed, as TensorRT 11 knows it only, so half
precision and Q/DQ are made in the graph beforehand (`engines.precision`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from engines import nvinfer
from engines.errors import EngineError

BATCH = 4  # crops at once: what the tracker looks at while it searches
WORKSPACE_BYTES = 1 << 30

Tell = Callable[[float], bool]  # takes the part done, 0 to 1; answers whether to go on


class Stopped(EngineError):
    """A build was stopped by whoever asked for it."""


@dataclass(frozen=True)
class Built:
    """A plan, and the timing cache that makes the next build on this GPU faster."""

    plan: bytes
    timings: bytes


class _Parsed:
    """A network read from ONNX bytes.

    The parser would crash without its network, and on a second graph for the same network: so
    each network has its own parser, both live here, and the parser goes first.
    """

    def __init__(self, model: bytes) -> None:
        trt = nvinfer.trt
        try:
            self.builder = trt.Builder(nvinfer.logger())
        except TypeError as error:
            raise nvinfer.failure("cannot start its builder") from error
        flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        self.network = self.builder.create_network(flags)
        self._parser = trt.OnnxParser(self.network, nvinfer.logger())
        if not self._parser.parse(model):
            raise nvinfer.failure(f"cannot read {self._culprit()}")

    def close(self) -> None:
        del self._parser
        del self.network
        del self.builder

    def _culprit(self) -> str:
        """The node that could not be read, and why."""
        if not self._parser.num_errors:
            return "the graph"
        error = self._parser.get_error(0)
        try:
            name, kind, why = error.node_name(), error.node_operator(), error.desc()
        except UnicodeDecodeError:  # a damaged file's names, as they are
            return "the graph: a name in it is not text"
        node = f"node '{nvinfer.one_line(name)}'" if name else "the graph"
        return f"{node} ({nvinfer.one_line(kind)}) [{nvinfer.one_line(why)}]".replace(" ()", "")


def build(
    model: bytes,
    *,
    batch: int = BATCH,
    target: str | None = None,
    timings: bytes = b"",
    tell: Tell | None = None,
) -> Built:
    """Build a plan for 1 to `batch` crops; one crop has a profile of its own.

    Not to be called on the main thread of a program that handles signals: an exception in one of
    the library's calls back into Python would end the process.

    Args:
        model: ONNX bytes.
        target: compute capability of the GPU that is to run it ("8.9"), for TensorRT-RTX alone;
            None for the GPU at hand, or with TensorRT-RTX for all that it supports.
        timings: what an earlier build gave.
        tell: hears how far it is, and may stop it.

    Raises:
        EngineError: the graph cannot be read or built.
        Stopped: by `tell`.
    """
    parsed = _Parsed(model)
    try:
        return _built(parsed, batch, target, timings, tell)
    finally:
        parsed.close()


def _built(
    parsed: _Parsed, batch: int, target: str | None, timings: bytes, tell: Tell | None
) -> Built:
    trt = nvinfer.trt
    config = parsed.builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.max_aux_streams = 0  # one stream: small networks, and a graph can be captured
    stopped = False

    def go_on(part: float) -> bool:
        nonlocal stopped
        stopped = stopped or (tell is not None and not tell(part))
        return not stopped

    config.progress_monitor = monitor = nvinfer.monitor(go_on)  # kept: the library does not
    if target is not None:
        _set_target(config, target)
    for low, high in [(1, 1), (2, batch)][: 1 + (batch > 1)]:
        _add_profile(parsed, config, low, high)
    cached = not nvinfer.is_rtx()  # which has no timings: it tunes when it runs
    cache = (
        (config.create_timing_cache(timings) or config.create_timing_cache(b"")) if cached else None
    )
    if cache is not None:
        config.set_timing_cache(cache, ignore_mismatch=False)
    plan = parsed.builder.build_serialized_network(parsed.network, config)
    del monitor
    if stopped:
        raise Stopped("the build of the TensorRT plan was stopped")
    if plan is None:
        raise nvinfer.failure("cannot build the plan")
    cache = config.get_timing_cache() if cached else None
    return Built(bytes(memoryview(plan)), bytes(memoryview(cache.serialize())) if cache else b"")


def _set_target(config: "nvinfer.trt.IBuilderConfig", target: str) -> None:
    if not nvinfer.is_rtx():
        raise EngineError(
            "TensorRT builds for the GPU at hand only; another target needs TensorRT-RTX"
        )
    known = targets()
    if target not in known:
        raise EngineError(f"no target '{target}'; {nvinfer.title()} knows {', '.join(known)}")
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(known[target], 0):
        raise nvinfer.failure(f"refuses the target {target}")


def targets() -> dict[str, "nvinfer.trt.ComputeCapability"]:
    """Compute capabilities that TensorRT-RTX can build for, by their usual names ("8.9")."""
    members = nvinfer.trt.ComputeCapability.__members__
    return {f"{name[2:-1]}.{name[-1]}": own for name, own in members.items() if name[:2] == "SM"}


def _add_profile(
    parsed: _Parsed, config: "nvinfer.trt.IBuilderConfig", low: int, high: int
) -> None:
    """Shapes for `low` to `high` crops, tuned for `high`; inputs without a free size stay."""
    profile = parsed.builder.create_optimization_profile()
    for index in range(parsed.network.num_inputs):
        tensor = parsed.network.get_input(index)
        if -1 in tensor.shape:
            least, most = (
                [count if side == -1 else side for side in tensor.shape] for count in (low, high)
            )
            profile.set_shape(tensor.name, least, most, most)
    if config.add_optimization_profile(profile) < 0:
        raise nvinfer.failure(f"refuses a profile for {low} to {high} crops")
