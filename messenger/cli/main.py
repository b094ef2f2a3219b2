"""`messenger`: finds the command, and turns errors into words and exit codes."""

import os
import sys
from importlib import import_module

import click

from messenger import __version__
from messenger.cli.output import OutputClosed
from messenger.errors import MessengerError, Refused, Unavailable, Undone

# One command does not load what another needs: `messenger post` never imports aiohttp.
_COMMANDS = (
    *("up", "web", "worker", "post", "get", "list", "tail", "replay", "consume"),
    *("groups", "dead", "verify", "rebuild", "repartition", "doctor", "acl"),
)

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130


class _Late(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"messenger.cli.{cmd_name}").command
        return command


@click.group(cls=_Late, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="messenger")
def cli() -> None:
    """A messenger whose messages are gone on time.

    \b
    Exit codes: 0 done; 1 refused, not found, or not done to its end; 2 wrong arguments or settings;
    3 the store can't be reached; 130 interrupted.
    """


def main() -> None:
    try:
        cli(prog_name="messenger", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BaseException as error:
        code = _exit_code(_innermost(error))
        if code is None:
            raise
        sys.exit(code)


def _innermost(error: BaseException) -> BaseException:
    """The one error that task groups wrap; the group itself if there are several in it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _exit_code(error: BaseException) -> int | None:
    """The code to end with, its reason said; None for a mistake of ours, which shows its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, OutputClosed):
        # Python would flush what is left at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if not isinstance(error, MessengerError):
        return None
    print(f"messenger: {error.detail}", file=sys.stderr)
    if isinstance(error, Unavailable):
        return EXIT_UNAVAILABLE
    return EXIT_REFUSED if isinstance(error, Refused | Undone) else EXIT_USAGE
