"""One model in every engine on this CPU: python examples/compare_engines.py [MODEL] [ROUNDS]

ONNX Runtime, OpenVINO in fp32 and int8 (where it is installed), OpenCV's dnn, and, to compare with,
the tracker network in eager PyTorch with random weights, in one thread each. Each has a process of
its own; they take turns in random order. Printed: milliseconds per run for one crop, how far each
moves keypoints from ONNX Runtime's, and crops a second in batches.
"""

import json
import os
import random
import subprocess
import sys
from time import perf_counter

import numpy as np

ENGINES = ("cpu", "openvino", "openvino:int8", "cv2.dnn", "torch")
BATCHES = (1, 8, 32)
RUNS = {1: 100, 8: 12, 32: 4}  # in one turn


def keycam_engine(model, name):
    from engines import load

    engine = load(model, name)
    return engine.run, f"{engine.name}, {engine.precision}"


def cv2_engine(model, _):
    import cv2

    from engines.engine import locate

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(str(locate(model)))

    def run(crops):
        net.setInput(crops, "crop")
        return net.forward(["keypoints", "confidence"])

    return run, f"cv2.dnn {cv2.__version__}, fp32"


def torch_engine(model, _):
    import torch

    from engines import load
    from train.tracker_network import TrackerGraph, TrackerNetwork

    torch.set_num_threads(1)
    engine = load(model, "cpu")
    network = TrackerGraph(TrackerNetwork(len(engine.card.skeleton.keypoints)).eval())

    def run(crops):
        with torch.inference_mode():
            return [tensor.numpy() for tensor in network(torch.from_numpy(crops))]

    return run, f"torch {torch.__version__.partition('+')[0]} eager, fp32, random weights"


def work(name, model):
    """Answer each line of stdin, a batch size, with milliseconds of some runs as JSON."""
    from engines import load
    from engines.probes import probes

    make = {"cv2.dnn": cv2_engine, "torch": torch_engine}.get(name, keycam_engine)
    try:
        run, title = make(model, name)
        size = load(model, "cpu").card.size
        crops = {batch: np.ascontiguousarray(probes(size, batch)) for batch in BATCHES}
        moved = run(crops[8])[0] - load(model, "cpu").run(crops[8]).keypoints
        for own in crops.values():
            run(own)
    except Exception as error:  # noqa: BLE001 (an engine that is not there leaves the table)
        print(json.dumps({"refused": f"{type(error).__name__}: {error}"}), flush=True)
        return
    moved_px = float(np.hypot(*np.asarray(moved).T).mean() * size / 2)
    print(json.dumps({"title": title, "moved_px": moved_px}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(RUNS[int(line)]):
            started = perf_counter()
            run(crops[int(line)])
            times.append((perf_counter() - started) * 1e3)
        print(json.dumps(times), flush=True)


def start(name, model):
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, __file__, "--work", name, model]
    return subprocess.Popen(command, text=True, bufsize=1, env={**os.environ, **alone}, **pipes)


def ask(process, batch):
    process.stdin.write(f"{batch}\n")
    return json.loads(process.stdout.readline())


def main(model, rounds):
    running, about = {}, {}
    for name in ENGINES:
        process = start(name, model)
        told = json.loads(process.stdout.readline() or '{"refused": "it died"}')
        if "refused" in told:
            print(f"{name} is left out: {' '.join(told['refused'].split())[:120]}")
            process.communicate()
        else:
            running[name], about[name] = process, told
    times = {name: {batch: [] for batch in BATCHES} for name in running}
    order = random.Random(0)
    for _ in range(rounds):
        for batch in BATCHES:
            for name in order.sample(list(running), len(running)):
                times[name][batch] += ask(running[name], batch)
    for process in running.values():
        process.communicate()
    wide = max(len(own["title"]) for own in about.values())
    print(f"{model}, one thread, {rounds} rounds; a run of one crop in ms, then crops a second")
    print(
        f"{'':<{wide}}{'p50':>8}{'p90':>8}{'p99':>8}"
        + "".join(f"{f'x{batch}':>7}" for batch in BATCHES)
        + f"{'moved':>10}"
    )
    for name, own in about.items():
        ms = "".join(f"{value:>8.2f}" for value in np.percentile(times[name][1], (50, 90, 99)))
        rates = "".join(f"{b / np.median(times[name][b]) * 1e3:>7.0f}" for b in BATCHES)
        moved = "-" if name == "torch" else f"{own['moved_px']:.2f} px"
        print(f"{own['title']:<{wide}}{ms}{rates}{moved:>10}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:])
    else:
        main(
            sys.argv[1] if len(sys.argv) > 1 else "face68",
            int(sys.argv[2]) if len(sys.argv) > 2 else 10,
        )
