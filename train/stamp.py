"""Entering measured errors into a model file's card."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import onnx

from engines.card import METADATA_KEY, Card
from engines.errors import DataError


def stamp(path: Path, errors: Mapping[str, float]) -> None:
    """Add figures to the card inside `path`, label to number; the graph is not touched.

    Raises:
        DataError: the file cannot be written.
    """
    model = onnx.load(path)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            card = Card.from_json(entry.value, str(path))
            entry.value = replace(card, errors={**card.errors, **errors}).to_json()
    fresh = path.with_name(path.name + ".new")
    try:
        onnx.save(model, fresh)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({error.strerror})") from error
