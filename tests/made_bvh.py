"""BVH files made by hand, and where their joints are by another way of reckoning."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

AXES = np.eye(3)


@dataclass
class Joint:
    """One joint: channels as in CHANNELS lines; `ends` adds an end site at that offset."""

    name: str
    offset: tuple[float, float, float]
    channels: tuple[str, ...] = ("Zrotation", "Xrotation", "Yrotation")
    below: list["Joint"] = field(default_factory=list)
    end: tuple[float, float, float] | None = None

    def text(self, key: str = "ROOT") -> str:
        lines = [f"{key} {self.name}", "{", "OFFSET " + " ".join(map(str, self.offset))]
        lines.append(f"CHANNELS {len(self.channels)} {' '.join(self.channels)}")
        lines += [joint.text("JOINT") for joint in self.below]
        if self.end is not None:
            lines += ["End Site", "{", "OFFSET " + " ".join(map(str, self.end)), "}"]
        return "\n".join([*lines, "}"])

    def places(self, values: list[float], frame: np.ndarray, found: dict) -> dict:
        """By 4 x 4 matrices, depth first; turns by Rodrigues' formula. `values` is used up."""
        own = np.eye(4)
        own[:3, 3] = self.offset
        for channel in self.channels:
            axis, value, step = AXES["XYZ".index(channel[0])], values.pop(0), np.eye(4)
            if channel.endswith("position"):
                step[:3, 3] = axis * value
            else:
                angle = np.deg2rad(value)
                cross = np.cross(axis, AXES).T
                step[:3, :3] += np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
            own = own @ step
        here = frame @ own
        found[self.name] = here[:3, 3]
        for joint in self.below:
            joint.places(values, here, found)
        if self.end is not None:
            found[f"{self.name}_end"] = (here @ [*self.end, 1])[:3]
        return found


def write_bvh(path: Path, root: Joint, rows: np.ndarray) -> Path:
    lines = ["HIERARCHY", root.text(), "MOTION", f"Frames: {len(rows)}", "Frame Time: 0.033"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def arm() -> Joint:
    """Three joints along x, each turned about its own order of axes."""
    hand = Joint("Hand", (2, 0, 0), ("Yrotation", "Zrotation", "Xrotation"), end=(1, 0, 0))
    elbow = Joint("Elbow", (3, 0, 0), ("Xrotation", "Yrotation", "Zrotation"), [hand])
    place = ("Zposition", "Xposition", "Yposition")
    return Joint("Root", (0, 0, 0), (*place, "Zrotation", "Xrotation", "Yrotation"), [elbow])


def person(style: str = "") -> Joint:
    """A standing person, facing +z, arms along x; 3 + 3 channels at the hips, 3 at each joint."""

    def leg(side: str, x: float) -> Joint:
        toe = Joint(f"{style}{side}ToeBase", (0, -1, 2), end=(0, 0, 1))
        foot = Joint(f"{style}{side}Foot", (0, -7, 0), below=[toe])
        knee = Joint(f"{style}{side}Leg", (0, -7, 0), below=[foot])
        return Joint(f"{style}{side}UpLeg", (x, -2, 0), below=[knee])

    def upper(side: str, x: float) -> Joint:
        hand = Joint(f"{style}{side}Hand", (1.5 * x, 0, 0), end=(x, 0, 0))
        elbow = Joint(f"{style}{side}ForeArm", (1.8 * x, 0, 0), below=[hand])
        shoulder = Joint(f"{style}{side}Arm", (x, 0, 0), below=[elbow])
        return Joint(f"{style}{side}Shoulder", (0, 1, 0), below=[shoulder])

    head = Joint(f"{style}Head", (0, 1.5, 0), end=(0, 2, 0))
    neck = Joint(f"{style}Neck", (0, 2, 0), below=[head])
    spine = Joint(f"{style}Spine", (0, 6, 0), below=[upper("Left", 2), upper("Right", -2), neck])
    legs = [leg("Left", 1.5), leg("Right", -1.5)]
    place = ("Xposition", "Yposition", "Zposition")
    turn = ("Zrotation", "Yrotation", "Xrotation")
    return Joint(f"{style}Hips", (0, 17, 0), place + turn, [*legs, spine])


def width(root: Joint) -> int:
    return len(root.channels) + sum(map(width, root.below))
