"""Running `keycam` inside the tests, and what a refusal must look like."""

from click.testing import CliRunner, Result

from realtime.cli import main


def keycam(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result: Result, *words: str) -> None:
    """Exit code 2, nothing on stdout, and one line on stderr that holds `words`."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("keycam: ")
    for word in words:
        assert word in line
