"""What several test files share."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blob_model import blob_card, blob_model
from hypothesis import HealthCheck, settings

from engines import Card, Skeleton

SHARED_DATA = Path(__file__).parents[1] / "../shared/data"

# The same examples everywhere, and no verdict by the clock.
settings.register_profile(
    "keycam",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("keycam")

# A shell's background job ignores ctrl-c and so would every process started here, among them those
# that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def _one_torch_thread() -> Iterator[None]:
    """Where a test uses torch, it uses one thread: fastest for small tensors on a busy machine."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository; tests that need it are skipped elsewhere."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no shared data on this machine")
    return SHARED_DATA.resolve()


@pytest.fixture(scope="session")
def blob_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker for `mouse4` with 64-pixel crops; see blob_model.py."""
    return blob_model(tmp_path_factory.mktemp("models") / "blob.onnx")


@pytest.fixture(scope="session")
def face_skeleton() -> Skeleton:
    return Skeleton.load("face68")


@pytest.fixture(scope="session")
def mouse_skeleton() -> Skeleton:
    return Skeleton.load("mouse4")


@pytest.fixture(scope="session")
def face_card() -> Card:
    return blob_card("face68", size=128)


@pytest.fixture(scope="session")
def mouse_card() -> Card:
    """The card inside `blob_path`."""
    return blob_card("mouse4")


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a tracker network that has learnt nothing: it says about the same of every
    32-pixel crop, its three points apart."""
    import torch
    from test_export import CARD, SIZE

    from train.export import export_tracker
    from train.tracker_network import TrackerNetwork

    torch.manual_seed(0)
    network = TrackerNetwork(3)
    with torch.no_grad():
        for margin in (network.across, network.down):
            margin.weight.normal_(0, 3)
    for _ in range(3):  # running means that are not those of a fresh network
        network.train()(torch.randn(4, 3, SIZE, SIZE))
    return export_tracker(network.eval(), CARD, tmp_path_factory.mktemp("models") / "toy.onnx")
