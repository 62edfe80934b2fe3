import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import keycam, refused
from test_marks import MARKED, sent
from toy import write_video

from engines import Skeleton
from train.marking import FILES, MOST_BYTES, Marking, MarkingServer
from train.prior import load_prior
from train.tables import read_table

ROOT = Path(__file__).parents[1]
FRAMES = [np.full((48, 64, 3), 10 * n, np.uint8) for n in range(3)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MarkingServer]:
    marking = Marking(
        frames=FRAMES,
        skeleton=None,
        output=tmp_path / "s.toml",
        prior=tmp_path / "p.csv",
        count=20,
        seed=0,
    )
    with MarkingServer(marking) as running:
        yield running


def ask(
    server: MarkingServer,
    name: str = "",
    *,
    method: str = "GET",
    body: bytes | None = None,
    path: str | None = None,
    **headers: str | None,
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """A request as the page makes it; headers with _ for -, None to leave one out."""
    usual = {"Host": server.host}
    if method == "POST":
        usual |= {"Origin": f"http://{server.host}", "Content-Type": "application/json"}
        usual["Content-Length"] = str(len(body or b""))
    own = {key.replace("_", "-"): value for key, value in headers.items()}
    link = http.client.HTTPConnection(server.host, timeout=20)
    link.putrequest(method, path or server.url.removeprefix(f"http://{server.host}") + name, True)
    for key, value in (usual | own).items():
        if value is not None:
            link.putheader(key, value)
    link.endheaders()
    if body:
        link.send(body)
    answer = link.getresponse()
    data = answer.read()
    link.close()
    return answer.status, data, answer.headers


def post(server: MarkingServer, name: str, body: bytes, **headers: str | None) -> tuple[int, dict]:
    status, data, _ = ask(server, name, method="POST", body=body, **headers)
    return status, json.loads(data)


def nothing_written(server: MarkingServer) -> bool:
    return not list(server.marking.output.parent.iterdir()) and not server.finished


def test_the_page_and_its_parts_are_served_with_a_strict_policy(server: MarkingServer) -> None:
    for name, kind in (("", "html"), *FILES.items()):
        status, data, headers = ask(server, name)
        assert status == 200
        assert kind in headers["Content-Type"]
        assert len(data) > 1000
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert b"http://" not in data.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in data
    start = json.loads(ask(server, "start")[1])
    assert start["frames"] == [[64, 48]] * 3
    assert start["skeleton"] is None
    picture = cv2.imdecode(np.frombuffer(ask(server, "frame/2")[1], np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(picture, FRAMES[2])
    for name in ("frame/3", "frame/x", "page.py", "../cli.py", "%2e%2e/cli.py", "save"):
        assert ask(server, name)[0] == 404


@pytest.mark.parametrize("path", ["/", "/start", "/page.js", "//start", "/x/start", "/%00/"])
def test_without_the_token_nothing_is_told(path: str, server: MarkingServer) -> None:
    assert ask(server, path=path)[0] == 403
    assert ask(server, path=path, method="POST", body=sent())[0] == 403
    assert nothing_written(server)


def test_the_token_is_another_in_every_run(server: MarkingServer) -> None:
    with MarkingServer(server.marking) as other:
        assert other.url.split("/")[-2] != server.url.split("/")[-2]
        assert len(server.url.split("/")[-2]) >= 32
        assert ask(server, path=f"/{other.url.split('/')[-2]}/")[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": None},
    ],
    ids=str,
)
def test_other_hosts_and_pages_are_refused(headers: dict, server: MarkingServer) -> None:
    assert post(server, "save", sent(), **headers)[0] == 403
    if headers != {"Origin": None}:  # a browser's own navigation has none
        assert ask(server, "start", **headers)[0] == 403
    assert nothing_written(server)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"null", {}, 400),
        (b"[" * 10_000, {}, 400),
        (sent(limbs=[]), {}, 400),
        (sent(poses=[]), {}, 400),
        (sent(), {"Content_Length": str(MOST_BYTES + 1)}, 413),
        (sent(), {"Content_Length": "9" * 30}, 411),
        (sent(), {"Content_Length": "-1"}, 411),
        (sent(), {"Content_Length": None}, 411),
        (sent(), {"Content_Type": "text/plain"}, 415),
    ],
)
@pytest.mark.parametrize("name", ["save", "preview"])
def test_bad_posts_are_refused_and_write_nothing(
    body: bytes, headers: dict, status: int, name: str, server: MarkingServer
) -> None:
    # only the head is sent where the server does not read on
    found, answer = post(server, name, b"" if status in (411, 413) else body, **headers)
    assert found == status
    assert answer["error"]
    assert nothing_written(server)
    assert ask(server, "start")[0] == 200  # and it goes on


def test_saving_writes_both_files_once(server: MarkingServer) -> None:
    status, answer = post(server, "save", sent())
    assert (status, answer) == (200, {"marked": 1, "poses": 20})
    assert server.wait() == answer
    marking = server.marking
    skeleton = Skeleton.load(marking.output)
    assert skeleton.keypoints == tuple(MARKED["keypoints"])
    table = read_table(marking.prior, skeleton)
    np.testing.assert_allclose(table.points[0], MARKED["poses"][0]["points"], atol=0.01)
    assert table.sizes.tolist() == [[64, 48]] * 20
    for framing in ("frame", "pose"):
        assert len(load_prior(marking.prior, skeleton, framing)) == 20
    assert sorted(own.name for own in marking.output.parent.iterdir()) == ["p.csv", "s.toml"]
    assert post(server, "save", sent(name="other"))[0] == 409
    assert Skeleton.load(marking.output).name == "lamp"


def test_a_preview_shows_poses_and_writes_nothing(server: MarkingServer) -> None:
    status, answer = post(server, "preview", sent())
    assert status == 200
    assert np.shape(answer["poses"]) == (8, 4, 2)
    assert nothing_written(server)


def test_a_place_that_cannot_be_written_is_told_and_leaves_nothing(
    server: MarkingServer, tmp_path: Path
) -> None:
    (tmp_path / "p.csv.new").mkdir()
    status, answer = post(server, "save", sent())
    assert status == 400
    assert "cannot be written" in answer["error"]
    assert [own.name for own in tmp_path.iterdir()] == ["p.csv.new"]
    assert not server.finished


def test_the_command_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", FRAMES * 4)
    toml, taken, text = tmp_path / "s.toml", tmp_path / "taken.toml", tmp_path / "text.mp4"
    taken.touch()
    text.write_text("no video")
    for line, words in (
        ([video, "-o", tmp_path / "s.json"], ".toml"),
        ([video, "-o", taken], "exists already"),
        ([video, "-o", tmp_path / "none" / "s.toml"], "no such folder"),
        ([video, "-o", toml, "--prior", tmp_path / "p.npz"], ".csv"),
        ([video, "-o", toml, "--from", "cat9"], "cat9"),
        ([text, "-o", toml], "text.mp4"),
        ([tmp_path / "none.mp4", "-o", toml], "no such file"),
        ([tmp_path / "none.png", "-o", toml], "none.png"),
    ):
        refused(keycam("skeleton", *line, "--no-browser"), words)
    assert not toml.exists()


def test_ctrl_c_ends_the_command_with_nothing_written(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", FRAMES * 4)
    script = "from realtime.cli import main; main()"
    line = ["skeleton", str(video), "-o", str(tmp_path / "s.toml"), "--no-browser"]
    with subprocess.Popen(
        [sys.executable, "-c", script, *line], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "http://127.0.0.1:" in process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 1
    assert [own.name for own in tmp_path.iterdir()] == ["v.avi"]
