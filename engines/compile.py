"""From a model file to a verified engine on a GPU: out of the cache, or built anew.

Whatever the way, an engine is handed out only after the parity gate: stored crops through it and
through the CPU engine. A precision that fails is followed by the next higher one.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from engines import nvinfer
from engines.build import BATCH, Built, Stopped, Tell, build
from engines.cuda import Gpu
from engines.decoder import Decoder
from engines.device import Choice
from engines.engine import Engine
from engines.errors import EngineError
from engines.geometry import Image
from engines.kinds import Kind, kind_of
from engines.plans import Fingerprint, NoPlan, Plan, Plans
from engines.precision import LADDERS, in_precision
from engines.trt import TensorRtDecoder, TensorRtEngine

log = logging.getLogger(__name__)
E = TypeVar("E", Engine, Decoder)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be compiled.

    Attributes:
        path: the model file, a tracker's or a decoder's.
        index: of the GPU.
        precision: "fp32", "fp16" or "int8"; see `engines.precision.LADDERS`.
        batch: the most crops at once.
        crops: (N, S, S, 3) uint8 to compare on, and to take int8's ranges from; None for drawn
            ones. A decoder's references.
        plans: where plans are kept.
    """

    path: Path
    index: int = 0
    precision: str = "fp16"
    batch: int = BATCH
    crops: Image | None = None
    plans: Plans = field(default_factory=Plans)

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.path)


@dataclass(frozen=True)
class Compiled:
    """An engine that passed the gate, its plan, and the plan's file; `fresh` if it was built now.

    `file` is None where the plan could not be kept, `unkept` says why.
    """

    engine: TensorRtEngine | TensorRtDecoder
    plan: Plan
    file: Path | None
    fresh: bool
    unkept: str = ""


def on_gpu(cpu: E, path: Path, choice: Choice, *, wait: bool) -> E:
    """Take `cpu` over: the GPU's engine at once if there is a plan, else `cpu` until one is built.

    Raises:
        EngineError: `wait`, and the GPU was asked for by name and cannot be used.
    """
    order = Order(path=path, index=choice.index)
    try:
        compiled = cached(order)
    except EngineError as error:
        log.info("%s: %s; building one, on the CPU meanwhile", path.name, error)
    else:
        cpu.close()
        return cast(E, compiled.engine)
    make = partial(compiled_model, order)
    engine = order.kind.swap(cpu, lambda tell: make(tell).engine, forced=choice.forced)
    if wait:
        engine.settle()
    return cast(E, engine)


def cached(order: Order) -> Compiled:
    """What is in the cache.

    Raises:
        NoPlan: nothing that fits, or nothing that works.
    """
    gpu = Gpu(order.index)
    with closing(order.kind.open(order.path)) as reference:
        return _from_cache(order, _fingerprint(order, gpu), reference)


def compiled_model(order: Order, tell: Tell | None = None) -> Compiled:
    """Take the plan from the cache or build it; another process that builds it is waited for.

    Not to be called on the main thread; see `engines.build.build`.

    Raises:
        EngineError: no precision gave a plan that can be built and passes the gate; all reasons
            are in the message.
    """
    gpu = Gpu(order.index)
    with closing(order.kind.open(order.path)) as reference:
        fingerprint = _fingerprint(order, gpu)
        with order.plans.lock(fingerprint, lambda: tell is None or tell(0.0)):
            try:
                return _from_cache(order, fingerprint, reference)
            except NoPlan as error:
                log.debug("%s: %s", order.path.name, error)
            feeds = order.kind.feeds(reference, order.crops)
            maker = partial(_built, order, fingerprint, gpu, feeds=feeds, tell=tell)
            engine, plan = _first_good(order, reference, maker)
            try:
                return Compiled(engine, plan, order.plans.write(fingerprint, plan), fresh=True)
            except EngineError as error:
                log.warning("%s", error)
                return Compiled(engine, plan, None, fresh=True, unkept=str(error))


def rehearsed(order: Order, target: str, tell: Tell | None = None) -> tuple[Plan, Path]:
    """Build for GPUs of compute capability `target`, which this machine need not have.

    TensorRT-RTX alone can do that. The plan goes to the cache uncompared; the gate awaits it where
    such a GPU is. Not to be called on the main thread; see `engines.build.build`.

    Raises:
        EngineError: it cannot be built, or not kept.
    """
    with closing(order.kind.open(order.path)) as reference:
        content = order.path.read_bytes()
        feeds = order.kind.feeds(reference, order.crops)
        graph = in_precision(content, order.precision, feeds)
    made = build(graph, batch=order.batch, target=target, tell=tell)
    tried = {order.precision: "not compared yet: no GPU here"}
    plan = Plan(content=made.plan, precision=order.precision, tried=tried)
    fingerprint = Fingerprint(
        model=hashlib.sha256(content).hexdigest(),
        library=nvinfer.title(),
        gpu="",
        capability=target,
        driver="",
        precision=order.precision,
        batch=order.batch,
    )
    with order.plans.lock(fingerprint, lambda: tell is None or tell(0.0)):
        return plan, order.plans.write(fingerprint, plan)


def _fingerprint(order: Order, gpu: Gpu) -> Fingerprint:
    return Fingerprint(
        model=hashlib.sha256(order.path.read_bytes()).hexdigest(),
        library=nvinfer.title(),
        gpu=gpu.name,
        capability=gpu.capability,
        driver=gpu.driver,
        precision=order.precision,
        batch=order.batch,
    )


def _from_cache(order: Order, fingerprint: Fingerprint, reference: Any) -> Compiled:
    try:
        plan = order.plans.read(fingerprint)
    except NoPlan as error:
        try:  # one that was built elsewhere, for every such GPU
            fingerprint = replace(fingerprint, gpu="", driver="")
            plan = order.plans.read(fingerprint)
        except NoPlan:
            raise error from None
    try:
        engine = _gated(plan.content, plan.precision, order, reference)[0]
    except EngineError as error:
        raise NoPlan(f"the plan in the cache does not work: {error}") from error
    return Compiled(engine, plan, order.plans.path(fingerprint), fresh=False)


def _first_good(
    order: Order, reference: Any, maker: Callable[[str], bytes]
) -> tuple[TensorRtEngine | TensorRtDecoder, Plan]:
    """The first precision of the ladder that can be built and passes the gate."""
    tried: dict[str, str] = {}
    for precision in LADDERS[order.precision]:
        try:
            content = maker(precision)
            engine, tried[precision] = _gated(content, precision, order, reference)
        except Stopped:
            raise
        except EngineError as error:
            tried[precision] = str(error)
            continue
        log.info("%s: %s", order.path.name, _told(tried))
        return engine, Plan(content=content, precision=precision, tried=tried)
    raise EngineError(f"{order.path.name} cannot run on {nvinfer.title()}: {_told(tried)}")


def _told(tried: Mapping[str, str]) -> str:
    return "; ".join(f"{precision}: {text}" for precision, text in tried.items())


def _built(
    order: Order,
    fingerprint: Fingerprint,
    gpu: Gpu,
    precision: str,
    *,
    feeds: Sequence[dict[str, Any]],
    tell: Tell | None,
) -> bytes:
    graph = in_precision(order.path.read_bytes(), precision, feeds)
    with gpu.current():
        made: Built = build(
            graph, batch=order.batch, timings=order.plans.timings(fingerprint), tell=tell
        )
    try:
        order.plans.keep_timings(fingerprint, made.timings)
    except EngineError as error:
        log.debug("%s", error)
    return made.plan


def _gated(
    content: bytes, precision: str, order: Order, reference: Any
) -> tuple[TensorRtEngine | TensorRtDecoder, str]:
    """An engine that passed the gate, and what was measured.

    Raises:
        EngineError: it did not pass, or failed.
    """
    engine = order.kind.make(content, reference, order.index, precision)
    try:
        parity = order.kind.compare(reference, engine, order.crops)
    except EngineError:
        engine.close()
        raise
    if not parity.passed:
        engine.close()
        raise EngineError(str(parity))
    return engine, str(parity)
