"""The binary messages to the page, little-endian, every field at a multiple of its size.

A **pose** message, one for each frame the loop hands over:

    0   u8       1
    1   u8       state of the tracker: 0 search, 1 track, 2 coast
    2   u8       S, subjects that follow
    3   u8       0
    4   u32      sequence: counts the frames handed to the page; never starts again
    8   u16 u16  width and height of the frame, pixels
    12  u16      K, keypoints of each subject
    14  u16      0
    16  f64      number of the frame in its source
    24  f64      its capture, milliseconds of the server's monotonic clock
    32  f32      its age when the loop handed it over, milliseconds
    36  u32      frames the source dropped between the frame handed over before and this
    40           S times, 20 + 20 K bytes each:
                 i32           id of the subject
                 f32 x 4       roi: x, y of its middle, side, angle; NaN where there is none
                 f32 x 2 K     keypoints as found, frame pixels, x before y; NaN where missing
                 f32 x 2 K     the same, smoothed over time; where prediction is on, where they
                               will be when they are shown
                 f32 x K       confidence in [0, 1]

A **picture** message, never before the pose message of its frame:

    0   u8       2
    1   u8       0
    2   u16      0
    4   u32      sequence, as in the pose message
    8            a JPEG file, to be stretched over the whole frame

The page draws keypoints over the picture of the same sequence.
"""

import struct
from collections.abc import Sequence

import numpy as np

from engines.geometry import Points
from realtime.frame import Frame, Pose, State

POSE, PICTURE = 1, 2
STATES = (State.SEARCH, State.TRACK, State.COAST)
MOST_SUBJECTS = 255
_HEAD = struct.Struct("<BBBBIHHHHddfI")
_SUBJECT = struct.Struct("<iffff")
_PICTURE = struct.Struct("<BBHI")
_NONE = (float("nan"),) * 4


def pose_message(frame: Frame, pose: Pose, sequence: int, age_ms: float) -> bytes:
    """One pose message; costs about 20 microseconds."""
    subjects = pose.subjects[:MOST_SUBJECTS]
    points = 0 if not subjects else _found(subjects[0].keypoints_px).shape[0]
    height, width = frame.image.shape[:2]
    head = _HEAD.pack(
        POSE,
        STATES.index(pose.state),
        len(subjects),
        0,
        sequence,
        width,
        height,
        points,
        0,
        frame.index,
        frame.time_ns / 1e6,
        age_ms,
        frame.dropped,
    )
    return b"".join([head, *_subjects(subjects)])


def picture_message(jpeg: bytes, sequence: int) -> bytes:
    """One picture message."""
    return _PICTURE.pack(PICTURE, 0, 0, sequence) + jpeg


def _subjects(subjects: Sequence[Pose]) -> list[bytes]:
    parts = []
    for own in subjects:
        roi = own.roi
        where = _NONE if roi is None else (roi.x, roi.y, roi.size, roi.angle)
        parts.append(_SUBJECT.pack(own.id, *where))
        raw = own.keypoints_px if own.raw_px is None else own.raw_px
        shown = own.keypoints_px if own.predicted_px is None else own.predicted_px
        parts += [_bytes(part) for part in (raw, shown, own.confidence)]
    return parts


def _bytes(values: Points | None) -> bytes:
    return np.ascontiguousarray(_found(values), "<f4").tobytes()


def _found(values: Points | None) -> Points:
    assert values is not None  # of a subject that was found
    return values
