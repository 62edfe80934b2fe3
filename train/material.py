"""What a run learns from: footage and prior, read and looked through."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.geometry import Roi
from engines.skeleton import Skeleton
from train.config import Config
from train.finding import Finding, Hearing
from train.footage import RoiMode, load_footage
from train.footage_check import check_footage
from train.pack import packed_footage
from train.prior import Framing, Prior, load_prior
from train.prior_check import check_prior
from train.videos import Footage

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Material:
    """What a run learns from.

    Attributes:
        prior: at the zoom of the training.
        findings: what is wrong with either.
    """

    footage: Footage
    prior: Prior
    framing: Framing
    findings: tuple[Finding, ...]


def prepare(
    videos: Sequence[Path],
    roi: RoiMode | Roi,
    prior: Path,
    skeleton: Skeleton,
    config: Config,
    *,
    cache: Path | None = None,
) -> Material:
    """Read videos and prior, and look for what is wrong with them, while it is cheap to know.

    What can be done without is left out; warnings are logged. Where a pack of the videos lies in
    `cache`, what their readers had to say when it was made is not said again.

    Raises:
        DataError: there is nothing to read.
    """
    with Hearing() as hearing:
        if cache is None:
            footage, framing = load_footage(videos, roi, config.kept_side)
        else:
            footage, framing = packed_footage(videos, roi, config.kept_side, cache)
        poses = load_prior(prior, skeleton, framing).zoomed(config.zoom)
    seen = check_footage(footage, config) + check_prior(poses, config, prior.name)
    for finding in seen:
        if finding.severity == "warning":
            log.warning("%s", finding)
    return Material(footage, poses, framing, (*seen, *hearing.findings))
