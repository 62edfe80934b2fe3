"""MediaPipe's face mesh and keycam on the same clip, in alternating blocks.

python examples/compare_mediapipe.py CLIP [FRAMES] [--mediapipe PYTHON]

PYTHON is the interpreter of an environment that holds mediapipe==0.10.21; without it one is made,
`.venv-mediapipe` in the working directory. The two need different versions of their packages, so
each has a process of its own; only one of them works at any time. Printed per
program: the step (picture in memory to keypoints) and the whole loop (decoding the next frame, the
step, drawing), milliseconds. MediaPipe gets RGB, as it asks for; the conversion is part of its
step. Both draw every point on the picture in the way they bring for it.
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
    import cv2

    step, draw = keycam_program() if side == "keycam" else mediapipe_program()
    capture, index = cv2.VideoCapture(clip), 0
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        steps, loops, found = [], [], 0
        while len(steps) < int(line):
            started = perf_counter()
            ok, image = capture.read()
            if not ok:
                capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
                continue
            before = perf_counter()
            there, pose = step(image, index, index * 33_333_333)
            after = perf_counter()
            draw(image, pose)
            steps.append((after - before) * 1e3)
            loops.append((perf_counter() - started) * 1e3)
            index, found = index + 1, found + there
        print(json.dumps({"step": steps, "loop": loops, "found": found}), flush=True)


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
    times = {side: {"step": [], "loop": [], "found": 0} for side in SIDES}
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
    print(
        f"{'ms':<12}{'step p50':>10}{'p90':>8}{'p99':>8}{'loop p50':>10}{'p90':>8}{'p99':>8}  found"
    )
    for side in SIDES:
        cells = [np.percentile(times[side][what], (50, 90, 99)) for what in ("step", "loop")]
        text = "".join(f"{a:>10.2f}{b:>8.2f}{c:>8.2f}" for a, b, c in cells)
        print(f"{side:<12}{text}  {times[side]['found'] / (blocks * BLOCK):.0%}")
    for what in ("step", "loop"):
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
