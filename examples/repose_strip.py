"""Re-pose one picture by another's motion, and lay the results side by side:

python examples/repose_strip.py STRIP.png [REFERENCE [SOURCE [DECODER]]]

Without a REFERENCE (a picture) a drawn head is re-posed, and without a SOURCE another drawn head
drives it. Above what drives; below the reference in those poses, the first as it is.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from engines import Roi, crop, load_decoder, to_crop
from engines.geometry import Image, Points
from realtime import track

COLUMNS, EVERY = 8, 12  # pictures in a row, each so many frames after the one before
DEFAULTS = ("synthetic:seed=4", "synthetic:seed=2", "face68-decoder")
SCALE = 2  # of the strip


def seen(source: str, count: int) -> list[tuple[Image, Points]]:
    """`count` pictures with their keypoints in pixels, EVERY frames apart."""
    found: list[tuple[Image, Points]] = []
    for frame, pose in track(source, smooth=False):
        if frame.index % EVERY == 0 and pose.keypoints_px is not None:
            found.append((frame.image.copy(), pose.keypoints_px))
            if len(found) == count:
                return found
    sys.exit(f"{source}: a face is found in only {len(found)} of the {count} pictures it takes")


output, given = Path(sys.argv[1]), sys.argv[2:]
reference_source, source, decoder_file = (*given, *DEFAULTS[len(given) :])
decoder = load_decoder(decoder_file)
margin, size = decoder.card.margin, decoder.card.size

((picture, points),) = seen(reference_source, 1)
roi = Roi.around(points, margin)
pose = to_crop(points, roi)
reference = crop(picture, roi, size)
decoder.prepare(reference, pose)

driving = seen(source, COLUMNS)
roi = Roi.around(driving[0][1], margin)  # of them all: the camera stands still
start = to_crop(driving[0][1], roi)
ratio = np.ptp(pose, axis=0) / np.ptp(start, axis=0)  # the driving face's size and shape stay out
poses = np.stack([pose + ratio * (to_crop(own, roi) - start) for _, own in driving])

above = [crop(own, roi, size) for own, _ in driving]
below = [reference, *decoder.draw(poses[1:].astype(np.float32))]
strip = np.concatenate([np.concatenate(row, axis=1) for row in (above, below)])
cv2.imwrite(str(output), cv2.resize(strip, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC))
