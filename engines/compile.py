"""From a model file to a verified engine on a GPU: out of the cache, or built anew.

Whatever the way, an engine is handed out only after the parity gate: stored crops through it and
through the CPU engine. A precision that fails is followed by the next higher one.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from engines import nvinfer
from engines.build import BATCH, Built, Stopped, Tell, build
from engines.cpu import CpuEngine
from engines.cuda import Gpu
from engines.device import Choice
from engines.engine import Engine
from engines.errors import EngineError
from engines.geometry import Image
from engines.parity import compare
from engines.plans import Fingerprint, NoPlan, Plan, Plans
from engines.precision import LADDERS, crop_feeds, in_precision
from engines.probes import probes
from engines.swap import SwapEngine
from engines.trt import TensorRtEngine

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be compiled.

    Attributes:
        path: the model file.
        index: of the GPU.
        precision: "fp32", "fp16" or "int8"; see `engines.precision.LADDERS`.
        batch: the most crops at once.
        crops: (N, S, S, 3) uint8 to compare on, and to take int8's ranges from; None for drawn
            ones.
        plans: where plans are kept.
    """

    path: Path
    index: int = 0
    precision: str = "fp16"
    batch: int = BATCH
    crops: Image | None = None
    plans: Plans = field(default_factory=Plans)

    def crops_for(self, engine: Engine) -> Image:
        return probes(engine.card.size) if self.crops is None else self.crops


@dataclass(frozen=True)
class Compiled:
    """An engine that passed the gate, its plan, and the plan's file; `fresh` if it was built now.

    `file` is None where the plan could not be kept, `unkept` says why.
    """

    engine: TensorRtEngine
    plan: Plan
    file: Path | None
    fresh: bool
    unkept: str = ""


def on_gpu(cpu: Engine, path: Path, choice: Choice, *, wait: bool) -> Engine:
    """The engine for a GPU: at once if there is a plan for it, else `cpu` until one is built.

    Takes `cpu` over.

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
        return compiled.engine
    engine = SwapEngine(cpu, lambda tell: compiled_model(order, tell).engine, forced=choice.forced)
    if wait:
        engine.settle()
    return engine


def cached(order: Order) -> Compiled:
    """What is in the cache.

    Raises:
        NoPlan: nothing that fits, or nothing that works.
    """
    gpu = Gpu(order.index)
    with closing(CpuEngine(order.path)) as reference:
        return _from_cache(order, _fingerprint(order, gpu), reference)


def compiled_model(order: Order, tell: Tell | None = None) -> Compiled:
    """Take the plan from the cache or build it; another process that builds it is waited for.

    Not to be called on the main thread; see `engines.build.build`.

    Raises:
        EngineError: no precision gave a plan that can be built and passes the gate; all reasons
            are in the message.
    """
    gpu = Gpu(order.index)
    with closing(CpuEngine(order.path)) as reference:
        fingerprint = _fingerprint(order, gpu)
        with order.plans.lock(fingerprint, lambda: tell is None or tell(0.0)):
            try:
                return _from_cache(order, fingerprint, reference)
            except NoPlan as error:
                log.debug("%s: %s", order.path.name, error)
            feeds = crop_feeds(order.crops_for(reference))
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
    with closing(CpuEngine(order.path)) as reference:
        content = order.path.read_bytes()
        feeds = crop_feeds(order.crops_for(reference))
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


def _from_cache(order: Order, fingerprint: Fingerprint, reference: CpuEngine) -> Compiled:
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
    order: Order, reference: CpuEngine, maker: Callable[[str], bytes]
) -> tuple[TensorRtEngine, Plan]:
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
    content: bytes, precision: str, order: Order, reference: CpuEngine
) -> tuple[TensorRtEngine, str]:
    """An engine that passed the gate, and what was measured.

    Raises:
        EngineError: it did not pass, or failed.
    """
    engine = TensorRtEngine(content, reference.card, order.index, precision=precision)
    try:
        parity = compare(reference, engine, order.crops_for(reference))
    except EngineError:
        engine.close()
        raise
    if not parity.passed:
        engine.close()
        raise EngineError(str(parity))
    return engine, str(parity)
