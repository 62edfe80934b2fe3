"""The group behind `keycam`: loads commands when they are asked for, and explains errors.

Nothing but click is imported here: `keycam --help` is immediate, and works where OpenCV does not.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

TRAINING = ("onnx", "onnxscript", "safetensors", "torch", "tqdm")  # packages of the extra
EXTRAS = {  # packages by the extra that brings them, and what needs it
    **dict.fromkeys(TRAINING, ("train", "training")),
    **dict.fromkeys(
        ("h5py", "ndx_pose", "pandas", "pyarrow", "pynwb", "rerun", "tables"),
        ("export", "this format"),
    ),
    "sleap_io": ("slp", "this format"),
    "matplotlib": ("plot", "plotting"),
    "ray": ("cluster", "a cluster"),
    "filelock": ("tensorrt", "a TensorRT plan"),
    **dict.fromkeys(("pylsl", "pythonosc", "zmq"), ("stream", "what --to names")),
    "pyvirtualcam": ("vcam", "a virtual camera"),
}
ORDINARY = ("segno", "starlette", "uvicorn", "websockets")  # come with keycam itself
DEBIAN = "apt-get install libgl1 libglib2.0-0"


class LazyGroup(click.Group):
    """A group with commands that are imported when they are asked for; it explains errors.

    `later` is what they are made of: name -> ("module:attribute", short help).
    """

    def __init__(self, *args: Any, later: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.later]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.later:
            return super().get_command(ctx, cmd_name)
        module, _, name = self.later[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        rows = [(name, own.get_short_help_str(80)) for name, own in self.commands.items()]
        rows += [(name, text) for name, (_, text) in self.later.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            message = explain(error)
            if message is None:
                raise  # a mistake of ours: the traceback is what helps
            if ctx.meta.get("verbose"):
                traceback.print_exc()
            click.echo(f"keycam: {message}", err=True)
            ctx.exit(2)


def explain(error: Exception) -> str | None:
    """One line for the user, or None where the error is not the user's or the machine's."""
    text = " ".join(str(error).split())
    if isinstance(error, ImportError) and "cannot open shared object file" in text:
        return f"OpenCV needs a library this machine lacks ({text}); on Debian: {DEBIAN}"
    if isinstance(error, ModuleNotFoundError):
        extra, what = EXTRAS.get((error.name or "").partition(".")[0], ("", ""))
        if extra:
            return f'{error.name} is not installed; {what} needs: pip install "keycam[{extra}]"'
        if (error.name or "").partition(".")[0] in ORDINARY:
            return f"{error.name} is not installed; it comes with keycam: pip install keycam"
    errors = sys.modules.get("engines.errors")
    if errors is not None and isinstance(error, errors.KeycamError):
        return text
    if isinstance(error, OSError) and error.strerror and not isinstance(error, BrokenPipeError):
        return f"{error.filename or 'a file'}: {error.strerror}"
    return None


class _Echo(logging.Handler):
    """Log records as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"keycam: {record.getMessage()}", err=True)


def talk(ctx: click.Context, _: click.Parameter, verbose: bool) -> None:  # noqa: FBT001
    """Callback of the option -v: say what the packages log, on stderr."""
    ctx.meta["verbose"] = ctx.meta.get("verbose", False) or verbose
    for package in ("engines", "realtime", "train"):
        log = logging.getLogger(package)
        log.handlers[:] = [_Echo()]
        log.setLevel(logging.DEBUG if ctx.meta["verbose"] else logging.INFO)
