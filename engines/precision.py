"""A model's graph in another precision: TensorRT 11 computes in what the graph says."""

from collections.abc import Sequence
from typing import Any

from engines.cpu import first_line
from engines.errors import EngineError
from engines.geometry import Image

LADDERS = {  # asked for -> what is tried, in this order, until one passes the parity gate
    "fp32": ("fp32",),
    "fp16": ("fp16", "mixed", "fp32"),
    "int8": ("int8", "fp16", "mixed", "fp32"),
}


def in_precision(model: bytes, precision: str, feeds: Sequence[dict[str, Any]]) -> bytes:
    """The ONNX bytes of `model` in another precision, with the same inputs and outputs.

    Args:
        precision: "fp32" (as it is), "fp16" or "mixed" (see `engines.half`), or "int8"
            (`engines.quantise`).
        feeds: inputs, name -> array, whose ranges int8 is made for.

    Raises:
        EngineError: it cannot be made of this graph.
    """
    if precision == "fp32":
        return model
    try:
        import onnx

        from engines.half import in_half
        from engines.quantise import quantised
    except ModuleNotFoundError as error:
        raise EngineError(
            f"{error.name} is not installed, which {precision} needs: "
            'pip install "keycam[tensorrt]"'
        ) from error
    try:
        graph = onnx.load_from_string(model)
        if precision == "int8":
            made = quantised(graph, feeds)
        else:
            made = in_half(graph, "fp16" if precision == "fp16" else "mixed")
        return bytes(made.SerializeToString())
    except EngineError:
        raise
    except Exception as error:  # onnx's and protobuf's share no other base
        raise EngineError(f"no {precision} of this graph: {first_line(error)}") from error


def crop_feeds(crops: Image) -> list[dict[str, Any]]:
    """A tracker's inputs, one crop each."""
    return [{"crop": crops[index : index + 1]} for index in range(len(crops))]
