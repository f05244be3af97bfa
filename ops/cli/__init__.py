"""The command line `amem`: what an operator types. Every command is a function of `ops`, told in words here.

Exit codes: 0 done, 1 something failed or was found broken, 2 the command could not start, 130 interrupted.
"""

import signal
import sys
from collections.abc import Sequence

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from ops.cli import backfill, callers, connect, console, doctor, explain, queue, secret
from ops.errors import OperatorError

NAME = "amem"
_REFUSED = ("AccessDenied", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Operate AgenticMemory.

    AWS is used with your own credentials, as by the AWS CLI. ElevenLabs needs ELEVENLABS_API_KEY (and
    ELEVENLABS_BASE_URL for a residency host). Results are written to stdout, everything else to stderr.

    Exit codes: 0 done, 1 something failed or was found broken, 2 the command could not start, 130
    interrupted.
    """


for group in (secret, connect, doctor, console, backfill, explain, callers, queue):
    for command in group.COMMANDS:
        commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    # SIGTERM ends a command in order, as Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        code = commands.main(args=arguments, prog_name=NAME, standalone_mode=False)
        return code if isinstance(code, int) else 0  # of click.exceptions.Exit
    except click.ClickException as error:
        error.show()
        return 2
    except OperatorError as error:
        return _fail(str(error), error.remedy, error.exit_code)
    except (NoCredentialsError, PartialCredentialsError, NoRegionError) as error:
        remedy = "set AWS_PROFILE and AWS_REGION (or use --profile and --region), as for the AWS CLI"
        return _fail(str(error), remedy, 2)
    except (BotoCoreError, ClientError) as error:
        refused = isinstance(error, ClientError) and error.response["Error"]["Code"].startswith(_REFUSED)
        remedy = "ask for that permission; docs/operations.md, Permissions, has the whole policy"
        return _fail(str(error), remedy if refused else "")
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", file=sys.stderr)
        return 130


def _fail(message: str, remedy: str = "", exit_code: int = 1) -> int:
    click.echo(f"error: {message}", file=sys.stderr)
    if remedy:
        click.echo(f"  to do: {remedy}", file=sys.stderr)
    return exit_code
