"""The command line: `python -m ops dead-letters | redrive`.

It parses, finds the queues, and puts what went wrong into one line on stderr. Exit codes: 0 done, 1 AWS
refused on the way, 2 it could not start, 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from ops import dead_letters
from ops.redrive import redrive

EXAMPLES = """examples:
  python -m ops dead-letters --stage prod          which calls could not be remembered, and why
  python -m ops redrive --stage prod --dry-run     what would be moved back to the queue
  python -m ops redrive --stage prod --limit 1     move one, to see whether the cause is mended
  python -m ops redrive --stage prod               move all
"""


class StartError(Exception):
    """The command cannot start; the message says what is missing."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(
        prog="python -m ops",
        description="See and move the calls that could not be remembered. Uses your AWS credentials.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("dead-letters", help="list the dead letters with their reasons")
    move = commands.add_parser("redrive", help="move dead letters back to the queue, in order")
    for command in (show, move):
        command.add_argument("--stage", default="prod", help="whose stack it is (%(default)s)")
        command.add_argument(
            "--dead-letter-url", metavar="URL", help="the dead-letter queue, if there is no stack"
        )
        command.add_argument("--limit", type=_positive, metavar="N", help="at most so many (all)")
    move.add_argument("--queue-url", metavar="URL", help="the queue of calls, if there is no stack")
    move.add_argument("--dry-run", action="store_true", help="only list what would be moved")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except StartError as error:
        _say(f"error: {error}")
        return 2
    except (NoCredentialsError, NoRegionError, ProfileNotFound) as error:
        _say(
            f"error: {error} Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; and AWS_REGION."
        )
        return 2
    except (BotoCoreError, ClientError) as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; what was moved until now stays moved")
        return 130


def _run(options: argparse.Namespace) -> int:
    sqs = _client("sqs")
    if options.command == "dead-letters" or options.dry_run:
        (dead_letter_url,) = _urls(options, DeadLetterQueueUrl=options.dead_letter_url)
        return _show(sqs, dead_letter_url, options.limit)
    dead_letter_url, queue_url = _urls(
        options, DeadLetterQueueUrl=options.dead_letter_url, CallQueueUrl=options.queue_url
    )
    return _redrive(sqs, dead_letter_url, queue_url, options.limit)


def _show(sqs: Any, url: str, limit: int | None) -> int:
    shown: list[dead_letters.DeadLetter] = []
    try:
        for letters in dead_letters.receive(sqs, url, limit):
            shown += letters
            for letter in letters:
                print(letter.told())
    finally:
        dead_letters.release(sqs, url, shown)
    _say(f"{len(shown) or 'no'} dead letter{'' if len(shown) == 1 else 's'}")
    left = sum(dead_letters.count(sqs, url)) - len(shown)
    if left > 0 and limit is None:
        _say(f"about {left} more are behind these: later calls of the same callers, or held by somebody else")
    return 0


def _redrive(sqs: Any, dead_letter_url: str, queue_url: str, limit: int | None) -> int:
    waiting, _ = dead_letters.count(sqs, dead_letter_url)
    moved = 0

    def tell(letter: dead_letters.DeadLetter) -> None:
        nonlocal moved
        moved += 1
        print(letter.told(), flush=True)
        if moved % dead_letters.MOST_AT_ONCE == 0:
            _say(f"moved {moved} of about {min(limit or waiting, waiting)}")

    try:
        redrive(sqs, dead_letter_url=dead_letter_url, queue_url=queue_url, limit=limit, tell=tell)
    finally:
        _say(f"moved {moved} back to the queue" if moved else "nothing was moved")
    waiting, held = dead_letters.count(sqs, dead_letter_url)
    if held:
        _say(f"about {held} are held by another reader: run this again in {dead_letters.HIDDEN_SECONDS} s")
    elif waiting:
        _say(f"about {waiting} are still there")
    return 0


def _urls(options: argparse.Namespace, **given: str | None) -> list[str]:
    """The URLs by the name of the stack's output: as given, else looked up in the stack."""
    missing = [name for name, url in given.items() if not url]
    found = _outputs(options.stage) if missing else {}
    unknown = [name for name in missing if name not in found]
    if unknown:
        raise StartError(f"the stack AgenticMemory-{options.stage} has no output {', '.join(unknown)}")
    return [url or found[name] for name, url in given.items()]


def _outputs(stage: str) -> dict[str, str]:
    name = f"AgenticMemory-{stage}"
    try:
        stacks = _client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise StartError(
            f"there is no stack {name} in this account and region: choose another --stage or region, or name "
            "the queues with --dead-letter-url and --queue-url"
        ) from None
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0].get("Outputs", [])}


def _client(service: str) -> Any:
    """A client of boto3, which by itself knows AWS_DEFAULT_REGION only; CDK sets AWS_REGION as well."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION")).client(service)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
