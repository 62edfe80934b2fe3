"""MediaPipe's face mesh and keycam on the same clip, in alternating blocks.

python examples/compare_mediapipe.py CLIP [FRAMES] [--mediapipe PYTHON]

PYTHON is the interpreter of an environment that holds mediapipe==0.10.21; without it one is made,
`.venv-mediapipe` in the working directory. The two need different versions of their packages, so
each has a process of its own; only one of them works at any time. Printed per program,
milliseconds: the step (picture in memory to keypoints), the step with drawing, and the whole loop
(getting the next frame, the step, drawing). MediaPipe is used as in its own examples: frames from
cv2.VideoCapture, RGB as it asks for (the conversion is part of its step), its own drawing. keycam's
frames come from its own source, which decodes one ahead on a thread.
"""

import json
import subprocess
import sys
import venv
from pathlib import Path
from time import perf_counter

PIN = "mediapipe==0.10.21"
BLOCK = 60  # frames until the other one has its turn
WARMUP = 60  # frames of each, not counted
SIDES = ("keycam", "mediapipe")
WHAT = ("step", "step and draw", "loop")


def keycam_program():
    """The step and the drawing of keycam."""
    from engines import load
    from realtime.frame import Frame
    from realtime.overlay import Overlay
    from realtime.timing import Timings
    from realtime.tracker import Tracker

    engine = load("face68", "cpu")
    tracker, stats = Tracker(engine), Timings()
    overlay = Overlay(engine.card.skeleton, caption=engine.name)

    def step(image, index, time_ns):
        frame = Frame(image, index, time_ns)
        pose = tracker.track(frame)
        return pose.keypoints_px is not None, (frame, pose)

    return step, lambda image, found: overlay.draw(*found, stats)


def keycam_frames(clip):
    from realtime.source import open_source

    while True:
        with open_source(clip) as source:
            for frame in source:
                yield frame.image


def plain_frames(clip):
    import cv2

    while True:
        capture = cv2.VideoCapture(clip)
        while (read := capture.read())[0]:
            yield read[1]


def mediapipe_program():
    """The step and the drawing of MediaPipe's face mesh, tracking one face in a video."""
    import cv2
    import mediapipe as mp

    mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1)
    contours = mp.solutions.face_mesh.FACEMESH_CONTOURS
    style = mp.solutions.drawing_styles.get_default_face_mesh_contours_style()

    def step(image, index, time_ns):
        result = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        faces = result.multi_face_landmarks
        return bool(faces), faces

    def draw(image, faces):
        picture = image.copy()
        for face in faces or ():
            mp.solutions.drawing_utils.draw_landmarks(
                picture,
                face,
                contours,
                landmark_drawing_spec=None,
                connection_drawing_spec=style,
            )
        return picture

    return step, draw


def work(side, clip):
    """Answer each line of stdin, a number of frames, with their times as JSON."""
    own = side == "keycam"
    step, draw = keycam_program() if own else mediapipe_program()
    images, index = keycam_frames(clip) if own else plain_frames(clip), 0
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        times, found = {what: [] for what in WHAT}, 0
        while len(times["step"]) < int(line):
            started = perf_counter()
            image = next(images)
            before = perf_counter()
            there, pose = step(image, index, index * 33_333_333)
            after = perf_counter()
            draw(image, pose)
            done = perf_counter()
            spans = (after - before, done - before, done - started)
            for what, span in zip(WHAT, spans, strict=True):
                times[what].append(span * 1e3)
            index, found = index + 1, found + there
        print(json.dumps({**times, "found": found}), flush=True)


def start(python, side, clip):
    command = [python, __file__, "--work", side, clip]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, text=True, bufsize=1, **pipes)
    if answer(process, side) != "ready":
        raise SystemExit(f"{side} did not start")
    return process


def answer(process, side):
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{side} failed; try: {' '.join(map(str, process.args))}")
    return json.loads(line)


def environment():
    """The interpreter of an environment with MediaPipe, made if it is not there."""
    folder = Path(".venv-mediapipe")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PIN], check=True)
    return python


def main(clip, frames, python):
    import numpy as np

    if not Path(clip).is_file():
        raise SystemExit(f"{clip}: no such clip")
    processes = {
        "keycam": start(sys.executable, "keycam", clip),
        "mediapipe": start(python or environment(), "mediapipe", clip),
    }
    times = {side: {**{what: [] for what in WHAT}, "found": 0} for side in SIDES}
    blocks = -(-frames // BLOCK)
    for block in range(blocks + 1):
        for side in SIDES if block % 2 else SIDES[::-1]:
            processes[side].stdin.write(f"{BLOCK if block else WARMUP}\n")
            got = answer(processes[side], side)
            for key in times[side] if block else ():
                times[side][key] += got[key]
    for process in processes.values():
        process.stdin.close()
        process.wait()
    print(f"{blocks * BLOCK} frames each, in blocks of {BLOCK}, after {WARMUP} that do not count")
    print(f"{'ms':<12}" + "".join(f"{what + ' p50':>18}{'p90':>8}{'p99':>8}" for what in WHAT))
    for side in SIDES:
        cells = [np.percentile(times[side][what], (50, 90, 99)) for what in WHAT]
        text = "".join(f"{a:>18.2f}{b:>8.2f}{c:>8.2f}" for a, b, c in cells)
        print(f"{side:<12}{text}   found in {times[side]['found'] / (blocks * BLOCK):.0%}")
    for what in WHAT:
        own, other = (float(np.median(times[side][what])) for side in SIDES)
        print(f"keycam's {what} takes {own / other:.2f} of MediaPipe's")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--work"]:
        work(*arguments[1:])
    else:
        python = None
        if "--mediapipe" in arguments:
            place = arguments.index("--mediapipe")
            python = arguments[place + 1]
            del arguments[place : place + 2]
        main(arguments[0], int(arguments[1]) if len(arguments) > 1 else 1200, python)
