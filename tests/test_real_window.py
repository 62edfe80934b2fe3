"""The real window on a real X server, with real keys; skipped where there is none of these."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from realtime.verdict import validate

NEEDED = [tool for tool in ("Xvfb", "xdotool") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason=f"no {' and no '.join(NEEDED)} here")
PATIENCE_S = 60


@pytest.fixture
def display() -> Iterator[str]:
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as lines:
            number = lines.readline().strip()
        yield f":{number}"
        server.terminate()


class Hands:
    """Presses keys until what they are to do has been done."""

    def __init__(self, display: str, program: "subprocess.Popen[bytes]") -> None:
        self._environment = {**os.environ, "DISPLAY": display}
        self._program = program

    def press(self, key: str, until: Callable[[], bool]) -> None:
        """Press it once, and wait until `until()`."""
        self._do("key", key)
        self.wait(until)

    def focus(self) -> None:
        self.wait(lambda: self._do("search", "--name", "^keycam$") == 0)
        self.wait(lambda: self._do("search", "--name", "^keycam$", "windowfocus") == 0)

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert self._program.poll() is None, self._program.communicate()
            assert time.monotonic() < deadline, "it was not done"
            time.sleep(0.05)

    def _do(self, *arguments: str) -> int:
        command = ["xdotool", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True).returncode


def test_keys_record_take_a_picture_and_quit(display: str, blob_path: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    source = "synthetic:size=320x240"
    script = "from realtime.cli import main; main()"
    command = [sys.executable, "-c", script, "run", source, "-m", str(blob_path)]
    environment = {**os.environ, "DISPLAY": display, "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        [*command, "--record-to", str(made)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        hands = Hands(display, program)
        hands.focus()
        hands.press("r", lambda: made.is_dir() and any(made.glob("keycam-*/session.json")))
        (session,) = (path.parent for path in made.glob("keycam-*/session.json"))
        hands.wait(lambda: (session / "poses.jsonl").stat().st_size > 0)
        hands.press("m", lambda: b"mark" in (session / "events.jsonl").read_bytes())
        hands.press("s", lambda: len(list(made.glob("*.png"))) == 2)
        hands._do("key", "q")
        out, err = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, err
    assert b"frames" in out
    verdict = validate(session)
    assert verdict.valid, verdict.problems
    assert verdict.closed
    assert verdict.events["mark"] == 1
