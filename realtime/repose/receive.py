"""The far side of a re-posing call: poses come from elsewhere, the picture is drawn here."""

import logging
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

from engines.engine import load
from engines.errors import DataError
from realtime.controls import Action
from realtime.loop import Report, Sink, run
from realtime.outputs import open_outputs
from realtime.overlay import Overlay
from realtime.pipeline import DEFAULT_MODEL, Wanted
from realtime.repose.plan import Plan
from realtime.repose.stage import check_same, open_stage
from realtime.screen import Screen
from realtime.snapshot import Snapshots
from realtime.stream.address import CAMERA, Address
from realtime.stream.receiver import Receiver
from realtime.stream.traffic import Traffic
from realtime.table import latency_table
from realtime.window import Window

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a call was like, on this side.

    Attributes:
        report: of the loop; its age is that of a pose since it arrived.
    """

    report: Report
    traffic: Traffic

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self.report), "traffic": self.traffic.to_dict()}

    def to_text(self) -> str:
        own = self.report
        return "\n".join(
            [
                self.traffic.to_text(),
                f"{own.frames} pictures, {own.fps:.1f} per second",
                "",
                latency_table(own.stages, own.age),
            ]
        )


def receive(
    address: str,
    wanted: Wanted,
    *,
    model: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    frames: int | None = None,
    seconds: float | None = None,
) -> Call:
    """Re-pose by the poses that come from `address` until the sender ends, or as `watch` does.

    What is drawn, and whether it is marked, is decided here: the sender sends numbers only.

    Args:
        wanted: window, video, cameras in `to`, and what to re-pose.
        model: finds the keypoints of the references; of the sender's skeleton.
        device: as for `engines.load`.
        frames, seconds: limits; None for none.

    Raises:
        KeycamError: of the part that could not be had, or that failed on the way.
    """
    addresses = [Address.parse(text) for text in wanted.to]
    if any(own.scheme != CAMERA for own in addresses):
        raise DataError("a call's poses are not sent on; --to takes vcam: here")
    blind = wanted.window and not Window.available()
    if blind and not (wanted.video or wanted.to):
        raise DataError(
            "no display for a window; use -o VIDEO to write the picture to a file, or --to vcam:"
        )
    stop = Event()
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(address))
        engine = load(model, device)
        stack.callback(engine.close)
        plan = wanted.repose or Plan()
        overlay = Overlay(receiver.skeleton, caption=receiver.name)
        with ExitStack() as undo:
            stage = open_stage(plan, engine, overlay, receiver.size, device)
            undo.callback(stage.close)
            check_same(stage.decoder, receiver.skeleton, receiver.name)
            outputs = open_outputs(
                wanted.video, addresses, stage.size, receiver.fps, undo, comment=plan.comment
            )
            undo.pop_all()
        controls = wanted.viewing.controls(stop)
        stage.obey(controls)
        views = [Window(stop, ask=controls.ask)] if wanted.window and not blind else []
        screen = Screen(stage, outputs, views, controls=controls)
        snapshots = Snapshots(wanted.viewing.record_to, screen.snapshot, controls)
        controls.on(Action.SNAPSHOT, snapshots.snap)
        log.info("%s: %s%s", receiver.name, stage.decoder.name, "; no display" if blind else "")
        sinks: list[Sink] = [controls, screen, snapshots]
        report = run(receiver, receiver, sinks, stop=stop, frames=frames, seconds=seconds)
    return Call(report=report, traffic=receiver.traffic)
