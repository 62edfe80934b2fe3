from pathlib import Path

import pytest
from blob_model import blob_model
from command_line import keycam, refused

from engines import DataError, EngineError, load
from realtime.server import export_server


def parsed(folder: Path):
    """The configuration as Triton's own description reads it."""
    text_format = pytest.importorskip("google.protobuf.text_format")
    description = pytest.importorskip("tritonclient.grpc.model_config_pb2")
    text = (folder / "config.pbtxt").read_text("utf-8")
    return text_format.Parse(text, description.ModelConfig()), description


def test_triton_reads_the_configuration(blob_path: Path, tmp_path: Path) -> None:
    plan = tmp_path / "blob.plan"
    plan.write_bytes(b"a plan")
    folders = export_server(blob_path, tmp_path / "served", plan=plan)
    assert [folder.name for folder in folders] == ["blob-mouse4", "blob-mouse4_plan"]
    for folder, platform in zip(folders, ("onnxruntime_onnx", "tensorrt_plan"), strict=True):
        config, kinds = parsed(folder)
        assert (config.name, config.platform) == (folder.name, platform)
        assert config.max_batch_size > 1
        assert config.HasField("dynamic_batching")
        tensors = [*config.input, *config.output]
        assert {own.name: (own.data_type, list(own.dims)) for own in tensors} == {
            "crop": (kinds.TYPE_UINT8, [64, 64, 3]),
            "keypoints": (kinds.TYPE_FP32, [4, 2]),
            "confidence": (kinds.TYPE_FP32, [4]),
        }
        labels = (folder / config.output[1].label_filename).read_text().splitlines()
        assert tuple(labels) == load(blob_path).card.skeleton.keypoints
    assert (folders[1] / "1" / "model.plan").read_bytes() == b"a plan"
    assert (folders[0] / "1" / "model.onnx").read_bytes() == blob_path.read_bytes()


def test_the_shipped_model_takes_the_batches_it_promises(tmp_path: Path) -> None:
    (folder,) = export_server("face68", tmp_path / "served")
    assert (folder / "config.pbtxt").is_file()
    assert load(folder / "1" / "model.onnx").card.name == "face68"


def test_nothing_is_overwritten_and_nothing_half_written(blob_path: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(DataError, match="exists already"):
        export_server(blob_path, taken)
    with pytest.raises(DataError, match="no plan there"):
        export_server(blob_path, tmp_path / "served", plan=tmp_path / "missing.plan")
    with pytest.raises(DataError, match="cannot be made"):
        export_server(blob_path, tmp_path / "no" / "such" / "folder")
    with pytest.raises(EngineError):
        export_server(blob_model(tmp_path / "bad.onnx", metadata=""), tmp_path / "served")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.onnx", "taken"]


def test_the_command(blob_path: Path, tmp_path: Path) -> None:
    result = keycam("export-server", blob_path, tmp_path / "served")
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "served" / "blob-mouse4") in result.stdout
    refused(keycam("export-server", blob_path, tmp_path / "served"), "exists already")
    refused(keycam("export-server", "missing", tmp_path / "other"), "no model file 'missing'")
