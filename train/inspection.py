"""The checks before a training: what is wrong with footage and prior, while it is cheap to know."""

from train.config import Config
from train.finding import Finding
from train.footage_check import check_footage
from train.prior import Prior
from train.prior_check import check_prior
from train.videos import Footage


def inspect(footage: Footage, prior: Prior, config: Config, prior_name: str) -> list[Finding]:
    """Everything found wrong, what stops the training first.

    Args:
        prior: at the zoom of the training.
        prior_name: its file, as findings name it.
    """
    findings = check_footage(footage, config) + check_prior(prior, config, prior_name)
    return sorted(findings, key=lambda finding: finding.severity)  # "stop" before "warning"
