"""Every setting of a training run, in one flat record with two presets."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from typing import Any, Literal, Self

from engines.errors import DataError
from train.settings import parsed

PRESETS = ("compact", "paper")
PRECISIONS = ("auto", "fp32", "bf16")
PERCEPTUAL = ("auto", "vgg", "vgg-relu", "filters", "pixels")
ENCODER_DOWNS = 3
KEPT = 1.25  # pixels kept per pixel of the tracker's crop
MAY_BE_ZERO = frozenset(  # among the numbers; all others must be above it
    {
        "regressor_downs",
        "critic_downs",
        "steps",
        "pretrain_steps",
        "distil_steps",
        "pool",
        "reconstruct_from",
        "average",
        "seed",
        "reconstruction_weight",
        "adversarial_weight",
        "prior_weight",
        "redraw_weight",
        "equivariance_weight",
        "window",
        "turn",
        "scale",
        "shift",
        "bend",
        "held_out",
        "patience",
        "least_gain",
        "reshape",
    }
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of one run; lengths in crop units are fractions of [-1, 1] (half the crop = 1)."""

    preset: Literal["compact", "paper"]
    # networks
    size: int  # side of the pictures, pixels
    stem: int  # the skeleton image's side is size / stem
    encoder_width: int
    regressor_width: int
    regressor_downs: int
    decoder_width: int
    decoder_downs: int
    critic_width: int
    critic_downs: int
    sigma: float  # of the renderer: exp(-distance / sigma²)
    # optimisation
    batch: int = 16
    rate: float = 2e-4  # of encoder and decoder
    critic_rate: float = 2e-4
    regressor_rate: float = 2e-4
    pretrain_rate: float = 2e-4
    decay: bool = False  # rates fall to zero along a cosine
    steps: int = 4000
    pretrain_steps: int = 800
    regressor_every: int = 1  # η is fine-tuned in each so many-th step
    reconstruct_from: float = 0.0  # share of the steps after which Ψ and its loss join in
    bottleneck: bool = True  # Ψ sees the drawing of the keypoints, not Φ's skeleton image itself
    clip: float = 1.0
    pool: int = 50  # skeleton images kept to show the discriminator again
    average: float = 0.0  # decay of the running mean of encoder and regressor; 0 = none
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # of the networks; see train/accelerate.py
    compile: bool = False  # the networks, with torch.compile
    # Which teacher is taken, and when training ends by itself (train/choice.py). Checkpoints are
    # counted only once reconstruction has joined in and half of the steps are done: until then
    # rates are high, and much is still to come from their fall. Eight are 4000 steps, so a run of
    # up to 8000 steps is never cut short.
    held_out: float = 0.1  # share of the frames that only the criterion sees; 0 = take the last
    patience: int = 8  # checkpoints without a better teacher after which training ends; 0 = never
    least_gain: float = 0.01  # share by which the criterion must fall to be called better
    # losses, official weights (configs/simple_human36m.yaml)
    perceptual: Literal["auto", "vgg", "vgg-relu", "filters", "pixels"] = "auto"
    reconstruction_weight: float = 10.0
    adversarial_weight: float = 10.0
    prior_weight: float = 0.9  # η on drawn priors
    redraw_weight: float = 0.1  # η on Φ's skeleton images
    equivariance_weight: float = 0.0  # not in the paper: a turned frame has turned keypoints
    # pictures and poses under the same random similarity
    window: int = 1000  # frames between the two of a pair, at most
    zoom: float = 1.0  # base crop / subject's square
    turn: float = 0.0  # standard deviations: radians,
    scale: float = 0.0  # log of the size,
    shift: float = 0.0  # and place, crop units
    mirror: bool = False
    bend: float = 0.0  # elastic displacement of moved pictures, crop units
    # the tracker network
    tracker_size: int = 128
    tracker_margin: float = 1.6  # side of its crop over the pose's box, when tracking
    rounds: int = 3  # of distillation: the first from the teacher's labels, then from its own
    distil_steps: int = 2000  # of each round
    distil_batch: int = 32
    distil_rate: float = 2e-3
    reshape: float = 0.8  # of the lessons' subjects, in spreads of the prior (train/reshape.py)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not isfinite(value) or value < 0 or (value == 0 and field.name not in MAY_BE_ZERO):
                raise DataError(f"the training setting {field.name} cannot be {value}")
        choices = (
            ("preset", PRESETS),
            ("perceptual", PERCEPTUAL),
            ("precision", PRECISIONS),
        )
        for name, known in choices:
            if getattr(self, name) not in known:
                raise DataError(f"the training setting {name} is one of {', '.join(known)}")
        self._check_sizes()

        for name in ("held_out", "least_gain"):
            if getattr(self, name) > 0.5:
                raise DataError(f"the training setting {name} is a share of at most 0.5")

    def _check_sizes(self) -> None:
        if self.batch < 2:
            raise DataError("a batch needs at least 2 pictures")
        grain = self.stem * 2 ** max(ENCODER_DOWNS, self.decoder_downs)
        if self.size % grain:
            raise DataError(f"size {self.size} must be a multiple of {grain} for these networks")
        if self.drawing // 4 // 2**self.critic_downs < 3:
            raise DataError(f"size {self.size} is too small for the discriminator's coarsest scale")
        if self.tracker_size % 16:
            raise DataError(f"tracker_size {self.tracker_size} must be a multiple of 16")

    @property
    def judged_from(self) -> float:
        """The step from which checkpoints without a better teacher are counted."""
        return max(self.reconstruct_from, 0.5) * self.steps

    @property
    def drawing(self) -> int:
        """Side of the skeleton images, pixels."""
        return self.size // self.stem

    @property
    def kept_side(self) -> int:
        """Pixels a subject's square is kept at: enough for the tracker's crop at the base zoom."""
        return round(self.tracker_size * KEPT / self.zoom)

    @classmethod
    def of_preset(cls, name: str) -> Self:
        """`paper`: the official settings. `compact`: the same method for two CPU cores."""
        if name == "paper":
            return cls(
                preset="paper",
                size=128,
                stem=1,
                encoder_width=32,
                regressor_width=32,
                regressor_downs=3,
                decoder_width=32,
                decoder_downs=3,
                critic_width=64,
                critic_downs=3,
                sigma=0.2,
                pretrain_steps=580_000,
                steps=500_000,
            )
        if name == "compact":
            return cls(
                preset="compact",
                size=64,
                stem=2,
                encoder_width=16,
                regressor_width=16,
                regressor_downs=2,
                decoder_width=16,
                decoder_downs=2,
                critic_width=32,
                critic_downs=1,
                sigma=0.283,
                rate=1e-3,
                critic_rate=4e-4,
                pretrain_rate=1e-3,
                decay=True,
                regressor_every=2,
                reconstruct_from=0.5,
                average=0.999,
                equivariance_weight=10.0,
                zoom=0.85,
                turn=0.2,
                scale=0.15,
                shift=0.12,
                bend=0.06,
                mirror=True,
            )
        raise DataError(f"no preset '{name}': use compact or paper")

    def with_changes(self, **changes: Any) -> Self:
        """A copy with some settings replaced; an unknown name is refused."""
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise DataError(f"no training setting '{unknown[0]}'")
        return replace(self, **changes)

    def with_texts(self, changes: Sequence[str]) -> Self:
        """A copy with settings replaced as written on a command line, `name=value` each."""
        return self.with_changes(**parsed(self, changes))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise DataError(f"not a training configuration ({error})") from error

    def digest(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()
