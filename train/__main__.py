"""`python -m train` is `keycam train`, under a name that torchrun can start:

torchrun --nproc-per-node N -m train VIDEOS... --skeleton S --prior P -o RUN
"""

import logging
import sys
from typing import NoReturn

import click

from engines.errors import KeycamError
from train.cli import train


def main() -> None:
    logging.basicConfig(format="keycam: %(message)s")
    logging.getLogger("train").setLevel(logging.INFO)
    try:
        train(prog_name="python -m train")
    except KeycamError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'a file'}: {error.strerror}")


def fail(message: str) -> NoReturn:
    click.echo(f"keycam: {' '.join(message.split())}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
