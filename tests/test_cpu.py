import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from blob_model import blob_card, blob_image, blob_model, blob_offsets
from onnx import numpy_helper

from engines import Card, Engine, EngineError, load, to_crop
from engines.cpu import flops
from engines.geometry import Image, Roi

SIZE = 64
PLACES = [(20.0, 40.0), (31.5, 31.5), (12.0, 50.0), (48.0, 14.0), (30.0, 22.0)]


def crops_at(*places: tuple[float, float]) -> Image:
    return np.stack([blob_image(SIZE, SIZE, x, y) for x, y in places])


def expected_at(*places: tuple[float, float]) -> np.ndarray:
    """(N, K, 2) crop space: what the blob model must answer to `crops_at(*places)`."""
    centres = to_crop(np.array(places, np.float32), Roi.of_frame(SIZE, SIZE))
    return centres[:, None] + blob_offsets(4)


def refusal(path: Path) -> str:
    with pytest.raises(EngineError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    return message


def with_flat(source: Path, path: Path, shape: list[int]) -> Path:
    """The blob model with another target of its Reshape, which runs only on fitting batches."""
    model = onnx.load(source)
    flat = next(value for value in model.graph.initializer if value.name == "flat")
    flat.CopyFrom(numpy_helper.from_array(np.int64(shape), "flat"))
    onnx.save(model, path)
    return path


def test_the_engine_keeps_the_protocol(blob_path: Path, mouse_card: Card) -> None:
    engine = load(blob_path)
    assert isinstance(engine, Engine)
    assert engine.card == mouse_card
    assert engine.precision == "fp32"
    assert "cpu" in engine.name
    assert "1 thread" in engine.name


@pytest.mark.parametrize("count", [1, 5])
def test_blobs_are_found(blob_path: Path, count: int) -> None:
    places = PLACES[:count]
    keypoints, confidence = load(blob_path).run(crops_at(*places))
    assert keypoints.shape == (count, 4, 2)
    assert confidence.shape == (count, 4)
    assert keypoints.dtype == confidence.dtype == np.float32
    np.testing.assert_allclose(keypoints, expected_at(*places), atol=1e-4)
    assert confidence.min() > 0.9


def test_a_black_crop_has_no_confidence(blob_path: Path) -> None:
    black = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    assert load(blob_path).run(black).confidence.max() == 0


def test_each_run_reads_its_own_crops(blob_path: Path) -> None:
    engine = load(blob_path)
    for count in (1, 3, 1, 5, 3):
        for place in PLACES:
            keypoints = engine.run(crops_at(*[place] * count)).keypoints
            np.testing.assert_allclose(keypoints, expected_at(*[place] * count), atol=1e-4)


def test_results_belong_to_the_caller(blob_path: Path) -> None:
    engine = load(blob_path)
    crops = crops_at(PLACES[0])
    first = engine.run(crops)
    kept = first.keypoints.copy(), first.confidence.copy()
    engine.run(np.zeros_like(crops))
    np.testing.assert_array_equal(first.keypoints, kept[0])
    np.testing.assert_array_equal(first.confidence, kept[1])
    first.keypoints.fill(9)
    np.testing.assert_array_equal(engine.run(crops).keypoints, kept[0])


def test_crops_are_read_only_to_the_engine(blob_path: Path) -> None:
    crops = crops_at(*PLACES)
    crops.setflags(write=False)
    every_second = crops[::2, :, ::-1]
    keypoints = load(blob_path).run(every_second).keypoints
    mirrored = [(SIZE - 1 - x, y) for x, y in PLACES[::2]]
    np.testing.assert_allclose(keypoints, expected_at(*mirrored), atol=1e-4)


def test_two_engines_do_not_share(blob_path: Path) -> None:
    one, other = load(blob_path), load(blob_path, threads=2)
    first = one.run(crops_at(PLACES[0])).keypoints
    second = other.run(crops_at(PLACES[1])).keypoints
    np.testing.assert_allclose(first, expected_at(PLACES[0]), atol=1e-4)
    np.testing.assert_allclose(second, expected_at(PLACES[1]), atol=1e-4)
    one.close()
    again = other.run(crops_at(PLACES[2])).keypoints
    np.testing.assert_allclose(again, expected_at(PLACES[2]), atol=1e-4)


def test_close_twice(blob_path: Path) -> None:
    engine = load(blob_path)
    engine.run(crops_at(PLACES[0]))
    engine.close()
    engine.close()


def test_a_warm_run_allocates_only_its_results(blob_path: Path) -> None:
    engine = load(blob_path)
    crops = crops_at(*PLACES)
    engine.run(crops)
    tracemalloc.start()
    try:
        engine.run(crops)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < crops.nbytes / 8


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, SIZE, SIZE + 1, 3), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((1, 3, SIZE, SIZE), np.uint8),
        np.zeros((1, SIZE, SIZE, 3), np.float32),
        np.zeros((0, SIZE, SIZE, 3), np.uint8),
    ],
    ids=["size", "one crop", "channels first", "float", "none"],
)
def test_unfit_crops_are_refused(blob_path: Path, crops: Image) -> None:
    with pytest.raises(EngineError, match="crops"):
        load(blob_path).run(crops)


@pytest.mark.parametrize("keep", [8, 0.1, 0.5, 0.9, -1])
def test_a_file_cut_off(blob_path: Path, tmp_path: Path, keep: float) -> None:
    content = blob_path.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(keep * len(content)) if 0 < keep < 1 else int(keep)])
    assert "copy or export it again" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"hello\n" * 99, bytes(999)], ids=["no", "text", "zeros"])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    assert "copy or export it again" in refusal(path)


def test_a_file_from_elsewhere(tmp_path: Path) -> None:
    path = blob_model(tmp_path / "foreign.onnx", metadata="")
    assert "not one of keycam's" in refusal(path)


def test_a_decoder_is_no_tracker(tmp_path: Path) -> None:
    path = blob_model(tmp_path / "decoder.onnx", kind="decoder")
    assert "a decoder file, where a tracker file is needed" in refusal(path)


@pytest.mark.parametrize(
    "card", [blob_card(size=128), blob_card("face68")], ids=["other size", "other skeleton"]
)
def test_a_card_for_another_graph(tmp_path: Path, card: Card) -> None:
    path = blob_model(tmp_path / "mixed.onnx", metadata=card.to_json())
    assert "does not match its card" in refusal(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "keycam.model/9"}'])
def test_a_damaged_card(tmp_path: Path, text: str) -> None:
    path = blob_model(tmp_path / "damaged.onnx", metadata=text)
    assert "card" in refusal(path)


def test_a_graph_that_takes_floats(blob_path: Path, tmp_path: Path) -> None:
    model = onnx.load(blob_path)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    path = tmp_path / "float.onnx"
    onnx.save(model, path)
    assert "does not match its card" in refusal(path)


def test_a_run_that_fails_inside(blob_path: Path, tmp_path: Path) -> None:
    """A graph that insists on one crop, although its card and its shapes allow any number."""
    path = with_flat(blob_path, tmp_path / "single.onnx", [1, SIZE * SIZE])
    engine = load(path)
    engine.run(crops_at(PLACES[0]))
    with pytest.raises(EngineError, match="ONNX Runtime failed") as caught:
        engine.run(crops_at(*PLACES))
    assert str(caught.value).isprintable()
    np.testing.assert_allclose(
        engine.run(crops_at(PLACES[1])).keypoints, expected_at(PLACES[1]), atol=1e-4
    )


def test_bit_rot_never_escapes(blob_path: Path, tmp_path: Path) -> None:
    """Flipped bytes in the graph and the card: an answer or an EngineError of one line."""
    rng, refusals = np.random.default_rng(0), []
    content = blob_path.read_bytes()
    for place in [*rng.integers(0, 900, 100), *rng.integers(-2500, 0, 100)]:
        path = tmp_path / "rotten.onnx"
        rotten = bytearray(content)
        rotten[place] ^= int(rng.integers(1, 256))
        path.write_bytes(rotten)
        try:
            load(path).run(crops_at(PLACES[0]))
        except EngineError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert all(message.isprintable() for message in refusals)


def test_failures_print_nothing_by_themselves(blob_path: Path, tmp_path: Path) -> None:
    """Not even ONNX Runtime's own log, which goes past Python."""
    content = blob_path.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[:-9])
    (tmp_path / "latin.onnx").write_bytes(content.replace(b"Relu", b"R\xe9lu"))
    with_flat(blob_path, tmp_path / "seven.onnx", [7, SIZE * SIZE])
    foreign = onnx.load(blob_model(tmp_path / "foreign.onnx", metadata=""))
    foreign.graph.initializer.append(numpy_helper.from_array(np.zeros(3), "of no use"))
    onnx.save(foreign, tmp_path / "foreign.onnx")
    script = (
        "import sys, engines, numpy\n"
        f"crops = numpy.zeros((2, {SIZE}, {SIZE}, 3), numpy.uint8)\n"
        "for path in sys.argv[1:]:\n"
        "    try: engines.load(path).run(crops)\n"
        "    except engines.EngineError: continue\n"
        "    raise SystemExit(f'{path} was taken')\n"
    )
    paths = sorted(map(str, tmp_path.iterdir()))
    ran = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_flops_are_two_per_multiply_add_of_products(blob_path: Path) -> None:
    assert flops(blob_path) == 2 * SIZE * SIZE * 3  # (1, S * S) @ (S * S, 3) and nothing else


def test_flops_of_convolutions(tmp_path: Path) -> None:
    """Three channels to two in windows of 3 x 3 at every second pixel, beside the blob model."""
    path = blob_model(tmp_path / "conv.onnx")
    model = onnx.load(path)
    weight = numpy_helper.from_array(np.zeros((2, 3, 3, 3), np.float32), "window")
    model.graph.initializer.append(weight)
    nodes = [
        onnx.helper.make_node("Transpose", ["bgr"], ["planes"], perm=[0, 3, 1, 2]),
        onnx.helper.make_node(
            "Conv", ["planes", "window"], ["folded"], strides=[2] * 2, pads=[1] * 4
        ),
        onnx.helper.make_node("ReduceMean", ["folded"], ["mean"], axes=[1, 2, 3], keepdims=0),
    ]
    model.graph.node.extend(nodes)
    model.graph.output.append(onnx.helper.make_tensor_value_info("mean", 1, ["N"]))
    onnx.save(model, path)
    conv = 2 * (SIZE // 2) ** 2 * 2 * (3 * 3 * 3)
    assert flops(path) == 2 * SIZE * SIZE * 3 + conv
