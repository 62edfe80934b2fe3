"""Eight-bit integers made in the graph: Q/DQ pairs round the convolutions, as TensorRT reads them.

Symmetric for weights (per channel) and activations (per tensor), biases left in fp32: TensorRT
takes nothing else. The ranges are those seen on a few crops.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.cpu import first_line  # sets what onnxruntime reads at its import
from engines.errors import EngineError

if TYPE_CHECKING:
    import onnx


def quantised(model: "onnx.ModelProto", feeds: Sequence[Mapping[str, Any]]) -> "onnx.ModelProto":
    """A copy of `model` with int8 convolutions.

    Args:
        feeds: inputs to run it on, name -> array: what it will see.

    Raises:
        EngineError: the graph cannot be quantised.
    """
    import onnx
    from onnxruntime import quantization as tools

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "quantised.onnx"
        try:
            tools.quantize_static(
                onnx.ModelProto.FromString(model.SerializeToString()),
                path,
                _reader(tools.CalibrationDataReader, feeds),
                quant_format=tools.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                activation_type=tools.QuantType.QInt8,
                weight_type=tools.QuantType.QInt8,
                calibration_providers=["CPUExecutionProvider"],
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "QuantizeBias": False,
                },
            )
        except Exception as error:  # its errors share no other base
            raise EngineError(f"int8 cannot be made of this graph: {first_line(error)}") from error
        made = onnx.load(path)
    onnx.checker.check_model(made, full_check=True)
    return made


def _reader(base: Any, feeds: Sequence[Mapping[str, Any]]) -> Any:
    """The feeds, as ONNX Runtime's calibration asks for them."""
    waiting = iter(feeds)
    own = type("Feeds", (base,), {"get_next": lambda _: next(waiting, None)})
    return own()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep its advice on preprocessing, which the exporter has done, to itself."""
    logger = logging.getLogger()
    logger.addFilter(_mute)
    try:
        yield
    finally:
        logger.removeFilter(_mute)


def _mute(record: logging.LogRecord) -> bool:
    return "processing before quantization" not in record.getMessage()
