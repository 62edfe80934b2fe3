"""The examples run as they stand."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from time import monotonic
from uuid import uuid4

import cv2
import pytest
from streaming import FACE, found, send, stream_to
from test_stream_face import drawn_face
from toy import (
    TRIANGLE,
    tiny_config,
    toy_footage,
    toy_prior,
    write_prior,
    write_skeleton,
)

from realtime.pipeline import Wanted, watch
from train import checkpoint
from train.parts import Parts

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name, *arguments):
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_print_keypoints_says_a_line_per_frame():
    lines = run_example("print_keypoints.py", "synthetic:frames=12").splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(12))


def test_draw_overlay_changes_the_frame_it_draws_on(tmp_path):
    run_example("draw_overlay.py", tmp_path / "drawn.png", "synthetic:frames=5,size=320x240")
    assert cv2.imread(str(tmp_path / "drawn.png")).shape == (240, 320, 3)


def test_repose_strip_lays_drawn_heads_side_by_side(tmp_path):
    run_example("repose_strip.py", tmp_path / "strip.png", "synthetic:seed=1")
    strip = cv2.imread(str(tmp_path / "strip.png"))
    assert strip.shape == (2 * 128 * 2, 8 * 128 * 2, 3)
    assert strip.std() > 20


def test_draw_window_shows_four_looks(tmp_path):
    run_example("draw_window.py", tmp_path / "drawn.png", "synthetic:frames=3,size=640x360")
    picture = cv2.imread(str(tmp_path / "drawn.png"))
    assert picture.shape == (720, 1280, 3)
    looks = [picture[y : y + 360, x : x + 640] for y in (0, 360) for x in (0, 640)]
    assert len({look.tobytes() for look in looks}) == 4


def test_compare_sizes_compares_with_the_first():
    lines = run_example("compare_sizes.py", "1", "64x64", "128x96").splitlines()
    assert len(lines) == 6
    assert lines[1].split()[0] == "64x64"
    assert lines[1].split()[-1] == "1.00"


def test_measure_exports_says_what_each_format_took():
    lines = run_example("measure_exports.py", "200", "csv", "dlc").splitlines()
    assert lines[0].startswith("200 frames")
    assert [line.split()[0] for line in lines[1:]] == ["csv", "dlc"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_measure_soak_finds_that_memory_does_not_grow():
    *_, frames, session, memory = run_example("measure_soak.py", "600").splitlines()
    assert frames.startswith("600 frames, 0.3 minutes of a camera")
    assert session == "session valid, 600 recorded"
    grown = float(memory.split()[3])
    assert grown < 8  # a picture kept of each frame would make it 130


def receive(stream, name, *arguments):
    """The first line a receiver prints while poses are sent to it."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        reading = Thread(target=lambda: lines.append(process.stdout.readline()))
        reading.start()
        number, deadline = 0, monotonic() + 60
        while not lines and monotonic() < deadline:
            send(stream, number, found(drawn_face()))
            number += 1
            reading.join(0.05)
        process.kill()
        reading.join()
    stream.close()
    return lines[0].split()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        return own.getsockname()[1]


FIRST = [f"{value:g}" for value in drawn_face()[0].tolist()]  # x and y of p00


def test_receive_udp_prints_poses():
    port = free_port()
    _, name, x, y = receive(stream_to(f"udp://127.0.0.1:{port}", FACE), "receive_udp.py", port)
    assert name in ("p00", "?")  # "?" before the hello
    assert (float(x), float(y)) == tuple(map(float, FIRST))


def test_receive_websocket_prints_poses():
    pytest.importorskip("websockets")
    token = "0123456789abcdef"
    stream = stream_to(f"ws://127.0.0.1:0/?token={token}", FACE)
    url = f"{stream.sender.name}/?token={token}"
    _, name, x, y = receive(stream, "receive_websocket.py", url)
    assert (name, float(x), float(y)) == ("p00", *map(float, FIRST))


def test_receive_osc_prints_poses():
    pytest.importorskip("pythonosc")
    port = free_port()
    words = receive(stream_to(f"osc://127.0.0.1:{port}", FACE), "receive_osc.py", port)
    assert (words[0], words[2]) == ("/keycam/frame", "1")


def test_receive_vmc_prints_what_moves_an_avatar():
    pytest.importorskip("pythonosc")
    port = free_port()
    words = receive(stream_to(f"vmc://127.0.0.1:{port}", FACE), "receive_vmc.py", port)
    assert words == ["/VMC/Ext/OK", "1", "3", "0", "1"]


def test_receive_lsl_prints_poses():
    pytest.importorskip("pylsl")
    name = f"keycam-{uuid4().hex}"
    words = receive(stream_to(f"lsl:{name}", FACE, name), "receive_lsl.py", name)
    assert [float(word) for word in words[1:]] == [*map(float, FIRST), 0.5]


def test_receive_zmq_prints_poses():
    pytest.importorskip("zmq")
    token = "0123456789abcdef"
    stream = stream_to(f"zmq://127.0.0.1:0/?token={token}", FACE)
    endpoint = stream.sender.name.replace("zmq", "tcp")
    words = receive(stream, "receive_zmq.py", endpoint, token)
    assert [float(word) for word in words[1:]] == [*map(float, FIRST)]


def test_watch_nose_says_when_it_crosses(capsys):
    processor = f"{EXAMPLES / 'watch_nose.py'}:WatchNose"
    watch("synthetic:frames=40", Wanted(processor=processor))
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.split()[1:5] == ["p30", "is", "on", "the"] for line in lines)


def test_compare_perceptual_measures_both_losses(tmp_path):
    config = tiny_config()
    run, clip = tmp_path / "run", tmp_path / "clip"
    clip.mkdir()
    for number, image in enumerate(toy_footage().clips[0].images):
        cv2.imwrite(str(clip / f"{number}.png"), image)
    checkpoint.save(run / "joint", Parts(config, TRIANGLE), {}, {"step": 1})
    (run / "config.json").write_text(config.to_json())
    (run / "skeleton.json").write_text(json.dumps(TRIANGLE.to_dict()))
    lines = run_example("compare_perceptual.py", run, clip, "3").splitlines()
    assert [line.split()[0] for line in lines] == ["loss", "pixels", "filters"]
    assert all(float(value) > 0 for line in lines[1:] for value in line.split()[1:])


def test_compare_engines_has_a_row_for_each_engine_that_is_there():
    lines = run_example("compare_engines.py", "face68", "1").splitlines()
    rows = [line for line in lines if " fp32" in line]
    assert [row.split()[0] for row in rows if row.startswith(("onnx", "cv2", "torch"))] == [
        "onnxruntime",
        "cv2.dnn",
        "torch",
    ]
    assert all(" px" in row for row in rows[:-1])


def test_compare_mediapipe_refuses_a_clip_that_is_not_there(tmp_path):
    command = [sys.executable, EXAMPLES / "compare_mediapipe.py", tmp_path / "none.mp4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("none.mp4: no such clip")


def test_ablation_makes_a_row_of_the_table(tmp_path):
    clip = tmp_path / "clip"
    clip.mkdir()
    for number, image in enumerate(toy_footage().clips[0].images):
        cv2.imwrite(str(clip / f"{number}.png"), image)
    poses = toy_prior(60).poses
    write_prior(tmp_path / "prior.csv", poses, TRIANGLE, 64)
    write_skeleton(tmp_path / "triangle.toml", TRIANGLE)
    names = [f"{name}_{axis}" for name in TRIANGLE.keypoints for axis in "xy"]
    values = (poses[0] + 1) * 32 - 0.5
    row = ",".join(["clip/0.png", *(f"{value:.2f}" for value in values.reshape(-1))])
    (tmp_path / "labels.csv").write_text(",".join(["image", *names]) + f"\n{row}\n")
    small = {"size": 48, "steps": 2, "pretrain_steps": 1, "distil_steps": 2, "rounds": 1}
    small |= {"batch": 2, "distil_batch": 2, "tracker_size": 32}
    lines = run_example(
        "ablation.py",
        *("prior-50", clip, "--skeleton", tmp_path / "triangle.toml"),
        *("--prior", tmp_path / "prior.csv", "--labels", tmp_path / "labels.csv"),
        *("-o", tmp_path / "runs", *(f"--set={name}={value}" for name, value in small.items())),
    ).splitlines()
    row = [cell.strip() for cell in lines[-1].strip("|").split("|")]
    assert row[0] == "prior-50"
    assert all(float(cell) > 0 for cell in row[1:3])
    kept = (tmp_path / "runs" / "prior-50-0.csv").read_text().splitlines()
    assert len(kept) == 51
