import json
import re
import signal
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest
from command_line import keycam, refused
from reposing import WarpDecoder, blob

from engines import EngineError
from realtime import outputs
from realtime.repose import stage
from realtime.session import open_session

CLIP = "synthetic:frames=6,size=160x120"


@pytest.fixture
def decoder(monkeypatch):
    own = WarpDecoder(margin=4.0)

    def load_decoder(name, device):
        if name != "warp":
            raise EngineError(f"no model file '{name}'")
        return own

    monkeypatch.setattr(stage, "load_decoder", load_decoder)
    return own


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "subject.png"
    cv2.imwrite(str(path), blob((500, 400), 40))
    return path


@pytest.fixture
def clip(tmp_path):
    """A folder of pictures in which the subject moves."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(12):
        frame = np.roll(blob((200, 160), 20), 2 * number, axis=1)
        cv2.imwrite(str(folder / f"{number}.png"), frame)
    return folder


def comment(path):
    with av.open(str(path)) as file:
        return file.metadata.get("comment", "")


def test_a_session_and_a_video_that_say_what_they_are(decoder, picture, clip, blob_path, tmp_path):
    made = keycam(
        "repose", clip, "--reference", picture, "--decoder", "warp", "-m", blob_path,
        "--no-window", "-o", tmp_path / "o.mp4", "--session", tmp_path / "s", "--raw",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "12 frames" in made.stdout
    assert comment(tmp_path / "o.mp4").startswith("re-posed by keycam")
    with av.open(str(tmp_path / "o.mp4")) as file:
        (stream,) = file.streams
        shapes = [frame.to_ndarray(format="bgr24").shape for frame in file.decode(stream)]
    assert shapes == [(400, 1000, 3)] * 12  # the driver 500 wide, the reference 500
    session = open_session(tmp_path / "s")
    assert session.facts["options"]["reposed"] == {
        "by": "re-posed by keycam",
        "references": [str(picture)],
        "decoder": "warp",
        "transfer": "relative",
        "mark": True,
    }
    assert len(list(session)) == 12
    moved = [float(np.abs(own - decoder.prepared[0]).max()) for own in decoder.drawn]
    assert moved[0] < 1e-3
    assert max(moved) > 0.05
    assert decoder.closed == 1


def test_the_mark_can_be_left_out_but_not_the_metadata(decoder, picture, clip, blob_path, tmp_path):
    pictures = {}
    for name, options in {"marked": (), "plain": ("--no-mark",)}.items():
        path = tmp_path / f"{name}.avi"
        made = keycam(
            "repose", clip, "--reference", picture, "--decoder", "warp", "-m", blob_path,
            "--no-window", "-o", path, "--layout", "alone", *options,
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        assert comment(path).startswith("re-posed by keycam")
        with av.open(str(path)) as file:
            pictures[name] = next(file.decode(video=0)).to_ndarray(format="bgr24").astype(int)
    away = np.abs(pictures["marked"] - pictures["plain"])
    assert away[-25:, :100].max() > 100
    assert away[:200].max() < 20


def test_references_that_are_of_no_use_are_refused_in_one_line(decoder, clip, blob_path, tmp_path):
    def asked(reference, *options):
        return keycam(
            "repose", clip, "--reference", reference, "--decoder", "warp", "-m", blob_path,
            "--no-window", *options,
        )  # fmt: skip

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 40, np.uint8))
    cv2.imwrite(str(tmp_path / "tiny.png"), blob((30, 30), 9))
    (tmp_path / "text.png").write_text("no picture")
    cases = {
        "wall.png": "no mouse4 found",
        "tiny.png": "30 x 30",
        "text.png": "not a readable picture",
        "none.png": "cannot be read",
        ".": "a folder",
    }
    for name, words in cases.items():
        refused(asked(tmp_path / name), words)
    refused(asked("portrait:x"), "portrait:3")
    refused(asked(tmp_path / "clip" / "0.png", "-o", tmp_path / "o.mkv"), ".mp4 or .avi")
    made = {"clip", "wall.png", "tiny.png", "text.png"}
    assert {path.name for path in tmp_path.iterdir()} == made


def test_a_decoder_that_is_not_there_or_of_another_skeleton_is_refused(
    decoder, picture, clip, blob_path
):
    common = ("repose", clip, "--reference", picture, "--no-window")
    refused(keycam(*common, "-m", blob_path, "--decoder", "other"), "no model file 'other'")
    refused(keycam(*common, "--decoder", "warp"), "points of face68", "those of mouse4")


def test_grey_deep_and_transparent_references_are_used_and_it_is_said(
    decoder, clip, blob_path, tmp_path
):
    own = blob((300, 300), 30)
    alpha = np.full((300, 300, 1), 255, np.uint8)
    alpha[:20] = 0
    pictures = {
        "grey": own[..., 0],
        "16 bits": own.astype(np.uint16) * 257,
        "transparent": np.dstack([own, alpha]),
    }
    for words, picture in pictures.items():
        path = tmp_path / f"{words}.png"
        cv2.imwrite(str(path), picture)
        made = keycam(
            "repose", clip, "--reference", path, "--decoder", "warp", "-m", blob_path,
            "--no-window", "--frames", 1,
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        assert words in made.stderr


def test_a_virtual_camera_gets_the_reposed_picture_alone(
    decoder, picture, clip, blob_path, monkeypatch
):
    class Camera:
        def __init__(self, address, size, fps):
            self.size, self.shown = size, []
            cameras.append(self)

        def show(self, own, frame):
            self.shown.append(own.shape)

        def close(self):
            pass

    cameras = []
    monkeypatch.setattr(outputs, "VirtualCamera", Camera)
    common = ("repose", clip, "--reference", picture, "--decoder", "warp", "-m", blob_path)
    for options in ((), ("--layout", "beside")):
        made = keycam(*common, "--no-window", "--frames", 2, "--to", "vcam:", *options)
        assert made.exit_code == 0, made.output
    assert [own.size for own in cameras] == [(500, 400), (1000, 400)]
    assert [own.shown for own in cameras] == [[(400, 500, 3)] * 2, [(400, 1000, 3)] * 2]


def test_send_serves_websockets_only():
    done = keycam("send", CLIP, "--to", "udp://127.0.0.1:9000")
    assert done.exit_code == 2
    assert "ws://HOST:PORT" in done.stderr
    assert keycam("send", CLIP).exit_code == 2


def test_receive_refuses_what_is_no_address_and_other_outlets():
    pytest.importorskip("websockets")
    refused(keycam("receive", "http://x", "--no-window"), "not the address of a stream")
    refused(
        keycam("receive", "ws://127.0.0.1:1/", "--no-window", "--to", "udp://127.0.0.1:9"), "vcam:"
    )


def test_points_cross_and_the_far_side_draws_its_own_reference(
    decoder, picture, blob_path, tmp_path
):
    pytest.importorskip("websockets")
    command = [sys.executable, "-c", "from realtime.cli import main; main()", "send"]
    command += ["synthetic:size=160x120", "--to", "ws://127.0.0.1:0", "-m", str(blob_path)]
    with subprocess.Popen(
        [*command, "--no-window"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sender:
        url = next(line for line in sender.stderr if "/?token=" in line).split()[-1]
        result = tmp_path / "call.json"
        made = keycam(
            "receive", url, "--reference", picture, "--decoder", "warp", "-m", blob_path,
            "--no-window", "-o", tmp_path / "call.mp4", "--frames", 8, "--json", result,
        )  # fmt: skip
        sender.send_signal(signal.SIGINT)
        _, told = sender.communicate(timeout=60)
    assert made.exit_code == 0, made.output
    call = json.loads(result.read_text())
    assert call["frames"] == 8
    assert call["traffic"]["poses"] >= 1
    assert call["traffic"]["kbit_s"] > 0
    assert re.search(r"\d+ poses, [\d.]+ kB, \d+ kbit/s; \d+ lost, 0 too late", made.stdout)
    assert comment(tmp_path / "call.mp4").startswith("re-posed by keycam")
    assert re.search(r"a client got \d+ poses in [\d.]+ s, \d+ kbit/s", told)
