"""The command line of the local system: `python -m local run | serve | mem0 | setup`.

It parses, starts and ends; what is started is in local.system, what is told is in local.story. Errors that a
person can mend are one line on stderr and exit code 2.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.system import DEFAULTS, LocalCredentials, System

EXAMPLES = """examples:
  python -m local run                          the story of one caller's two calls
  python -m local run --call saved.json        what a saved post-call payload becomes
  python -m local serve                        everything, staying up, on ports 8101 to 8103
  python -m local serve --mem0 https://api.mem0.ai     the same with the real Mem0 and MEM0_API_KEY
  python -m local mem0 --port 8110 --data-dir .local   the Mem0 stand-in alone
"""

SAMPLE_CALLER = {
    "caller_id": "+16125550142",
    "agent_id": "agent_1",
    "called_number": "+16125550100",
    "call_sid": "CA1",
}
SAMPLE_QUESTION = {"query": "What did they order?", "user_id": "+16125550142"}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="python -m local",
        description="AgenticMemory on one machine: the deployed code; AWS, Mem0 and ElevenLabs simulated.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="tell the story of one caller's two calls", formatter_class=raw)
    run.add_argument(
        "--call", type=Path, metavar="FILE", help="play a saved post-call payload (JSON) instead"
    )
    serve = commands.add_parser("serve", help="start everything and stay up", formatter_class=raw)
    serve.add_argument(
        "--port-base", type=_port_base, default=8100, metavar="P", help="ports P+1, P+2, P+3 (8100)"
    )
    serve.add_argument(
        "--data-dir",
        type=Path,
        default=Path(".local"),
        metavar="D",
        help="where memories and logs are kept (.local)",
    )
    serve.add_argument(
        "--mem0", metavar="URL", help="another Mem0 than the stand-in; the key comes from MEM0_API_KEY"
    )
    mem0 = commands.add_parser("mem0", help="start the Mem0 stand-in alone", formatter_class=raw)
    mem0.add_argument("--port", type=_port, default=8110, metavar="P", help="its port (8110)")
    mem0.add_argument(
        "--data-dir", type=Path, default=Path(".local"), metavar="D", help="where memories are kept (.local)"
    )
    commands.add_parser("setup", help="make what the others need: Lambda's packages, the layer, the template")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if done, 1 if the story failed, 2 if it cannot start, 130 if interrupted."""
    options = parser().parse_args(arguments)
    # SIGTERM ends everything in order, as Ctrl-C does; and a shell that starts us with & has Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return COMMANDS[options.command](options)
    except KeyboardInterrupt:
        return 130
    except _expected_errors() as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    from local import story  # noqa: PLC0415 - the other commands do without the story and what it needs

    if options.call and not options.call.is_file():
        raise FileNotFoundError(f"--call: there is no file {options.call}")
    with System(progress=_progress) as system, _uninterrupted_end():
        told = (
            story.play_file(system, options.call, sys.stdout)
            if options.call
            else story.tell(system, sys.stdout)
        )
    return 0 if told else 1


def _serve(options: argparse.Namespace) -> int:
    credentials = LocalCredentials.from_environment(own_mem0=options.mem0 is None)
    if options.mem0 and not os.environ.get("MEM0_API_KEY"):
        raise ValueError(f"--mem0 {options.mem0} needs its key: set MEM0_API_KEY")
    system = System(
        port_base=options.port_base,
        data_dir=options.data_dir,
        mem0_url=options.mem0,
        credentials=credentials,
        progress=_progress,
    )
    with system, _uninterrupted_end():
        try:
            print(_welcome(system, credentials), flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nstopping", flush=True)
    print("stopped; nothing is left running", flush=True)
    return 0


def _mem0(options: argparse.Namespace) -> int:
    from local.mem0.server import serve_forever  # noqa: PLC0415 - its vectors take a second to load

    own = LocalCredentials.from_environment()
    keys = [own.first(name) for name in ("MEM0_API_KEY", "MEM0_ORG_ID", "MEM0_PROJECT_ID")]
    options.data_dir.mkdir(parents=True, exist_ok=True)
    with suppress(KeyboardInterrupt):  # its intended end, whenever it comes
        serve_forever("127.0.0.1", options.port, options.data_dir, *keys)
    return 0


def _setup(_options: argparse.Namespace) -> int:
    from local.lambda_host.toolchain import ensure_layer, ensure_runtime  # noqa: PLC0415 - beside the one below
    from local.synth import synthesise  # noqa: PLC0415

    ensure_runtime(progress=_progress)
    ensure_layer(progress=_progress)
    synthesise(progress=_progress)
    _progress("ready")
    return 0


COMMANDS = {"run": _run, "serve": _serve, "mem0": _mem0, "setup": _setup}


@contextmanager
def _uninterrupted_end() -> Iterator[None]:
    """Keep a second, impatient Ctrl-C from cutting the clean-up short: entered last, this is left first."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _welcome(system: System, credentials: LocalCredentials) -> str:
    at = system.endpoints
    lines = [
        "",
        "AgenticMemory is up.",
        f"  ClientData   POST {at.client_data_url}",
        f"  Retrieve     POST {at.retrieve_url}",
        f"  PostCall     POST {at.post_call_url}",
        f"  Mem0         {at.mem0_url}",
        f"  memories and logs in {system.data_dir}",
        "",
        "Credentials in use:",
    ]
    for name, default in DEFAULTS.items():
        value = credentials.values[name]
        shown = value if value == default else "(none)" if not value else "(yours, from the environment)"
        lines.append(f"  {name:<26}{shown}")
    lines += [
        "",
        "Try:",
        f"  curl -s {at.client_data_url} \\",
        f"    -H 'X-Workspace-Key: {_shown(system, 'ELEVENLABS_WORKSPACE_KEY')}' \\",
        f"    -H 'Content-Type: application/json' -d '{json.dumps(SAMPLE_CALLER)}'",
        f"  curl -s {at.retrieve_url} \\",
        f"    -H 'Content-Type: application/json' -d '{json.dumps(SAMPLE_QUESTION)}'",
        "",
        "Ctrl-C ends everything.",
    ]
    return "\n".join(lines)


def _shown(system: System, name: str) -> str:
    """Return a default key, or a reference to the variable with the person's own, which is not printed."""
    value = system.credentials.first(name)
    return value if value == DEFAULTS[name] else f"'\"${name}\"'"


def _progress(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line} ...", file=sys.stderr, flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:  # noqa: PLR2004 - the highest port there is
        raise argparse.ArgumentTypeError(f"{text!r} is no port: use 0 to 65535 (0 takes a free one)")
    return int(text)


def _port_base(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65_000:  # noqa: PLR2004 - the highest part is 11 above it
        raise argparse.ArgumentTypeError(f"{number} is not between 1 and 65000")
    return number


def _expected_errors() -> tuple[type[Exception], ...]:
    """What a person can mend; anything else is our own fault and keeps its stack trace."""
    from local.intrinsics import TemplateError  # noqa: PLC0415 - only needed when something failed
    from local.lambda_host.toolchain import ToolchainError  # noqa: PLC0415
    from local.mem0.errors import StartError  # noqa: PLC0415
    from local.synth import SynthError  # noqa: PLC0415

    return (TemplateError, SynthError, ToolchainError, StartError, OSError, ValueError, RuntimeError)


if __name__ == "__main__":
    sys.exit(main())
