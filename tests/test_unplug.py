import sys
import threading
from pathlib import Path

import pytest
from unplug import unplug

from realtime.session import open_session
from realtime.verdict import validate

SETTLED = 5  # times after which threads and buffers of all kinds have been used
ROOM_MB = 8.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize(("backend", "times"), [("opencv", 20), ("pyav", 8)])
def test_a_camera_unplugged_again_and_again_is_found_each_time(
    backend: str, times: int, blob_path: Path, tmp_path: Path
) -> None:
    before = threading.active_count()
    plug = unplug(tmp_path, blob_path, times, backend)
    assert len(plug.back_s) == times
    assert max(plug.threads) <= max(plug.threads[:SETTLED]) + 2  # servers' and FFmpeg's come and go
    assert plug.memory[-1] - plug.memory[SETTLED] < ROOM_MB
    assert threading.active_count() <= before + 1  # the server's last connection may still end
    verdict = validate(tmp_path / "session")
    assert verdict.valid, verdict.problems
    assert verdict.events["lost camera"] == times
    assert verdict.events["gap"] >= times
    assert verdict.captured == verdict.frames + verdict.dropped
    end = open_session(tmp_path / "session").facts["end"]
    assert end["gaps"]["count"] == times
    assert end["gaps"]["seconds"] > times * 0.1
