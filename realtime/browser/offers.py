"""Which cameras and models the page may choose; nothing else can be opened from there."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from engines.engine import shipped_models
from engines.errors import DataError
from realtime.cameras import cameras

CLIP = "synthetic:"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is tracked, and by what.

    Attributes:
        source: as for `open_source`.
        model: as for `engines.load`.
    """

    source: str
    model: str


@dataclass(frozen=True)
class Offers:
    """What may be chosen, by its place in a list; the page learns names alone.

    Attributes:
        now: what is open, or being opened.
        sources, models: what `now` may hold, each with what people call it.
    """

    now: Choice
    sources: tuple[tuple[str, str], ...]
    models: tuple[tuple[str, str], ...]

    @classmethod
    def find(cls, now: Choice) -> Self:
        """What was given, the cameras and the built-in clip; the model given and those shipped."""
        found = {own.id: own.name for own in cameras()}
        given = re.sub(r"//[^/@]*@", "//", now.source)  # without an address's password
        sources = {now.source: given, **found, CLIP: "the built-in clip"}
        models = {now.model: Path(now.model).stem, **{name: name for name in shipped_models()}}
        return cls(now, tuple(sources.items()), tuple(models.items()))

    def choose(self, source: int | None, model: int | None) -> Choice:
        """What is asked for; None for as it is.

        Raises:
            DataError: it was not offered.
        """
        choice = self.now
        try:
            if source is not None:
                choice = replace(choice, source=self.sources[source][0])
            if model is not None:
                choice = replace(choice, model=self.models[model][0])
        except IndexError:
            raise DataError("that was not offered; choose one of the list") from None
        return choice

    def to_dict(self) -> dict[str, Any]:
        """For the page: names, and which of them are open."""
        return {
            "sources": [name for _, name in self.sources],
            "source": [value for value, _ in self.sources].index(self.now.source),
            "models": [name for _, name in self.models],
            "model": [value for value, _ in self.models].index(self.now.model),
        }
