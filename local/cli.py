"""The command line of the local system: `python -m local run | serve | mem0 | setup`."""

import argparse
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.system import System

EXAMPLES = """examples:
  python -m local run                          the demo: one caller's two calls
  python -m local run --call saved.json        what a saved post-call payload becomes
  python -m local serve                        everything, staying up, with the console on port 8100
  python -m local serve --mem0 https://api.mem0.ai     the same with the real Mem0 and MEM0_API_KEY
  python -m local mem0 --port 8110 --data-dir .local   the Mem0 stand-in alone
"""
SAMPLE_CALLER = (
    '{"caller_id": "+16125550142", "agent_id": "agent_1", "called_number": "+16125550100", "call_sid": "CA1"}'
)
SAMPLE_QUESTION = '{"query": "What did they order?", "user_id": "+16125550142"}'
INTERRUPTED = 128  # plus the signal's number: the exit code of what a signal has ended


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="python -m local",
        description="AgenticMemory on one machine: the deployed code; AWS, Mem0 and ElevenLabs simulated.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    data_dir = argparse.ArgumentParser(add_help=False)
    data_dir.add_argument(
        "--data-dir", type=Path, default=Path(".local"), metavar="D", help="where memories are kept (.local)"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="demonstrate one caller's two calls")
    run.add_argument(
        "--call", type=Path, metavar="FILE", help="deliver a saved post-call payload (JSON) instead"
    )
    serve = commands.add_parser("serve", help="start everything and stay up", parents=[data_dir])
    port_base = _number(1, 65_000)  # the highest part is 12 above it
    serve.add_argument(
        "--port-base",
        type=port_base,
        default=8100,
        metavar="P",
        help="the console's port; the others follow (8100)",
    )
    serve.add_argument(
        "--mem0", metavar="URL", help="another Mem0 than the stand-in; the key comes from MEM0_API_KEY"
    )
    mem0 = commands.add_parser("mem0", help="start the Mem0 stand-in alone", parents=[data_dir])
    mem0.add_argument("--port", type=_number(0, 65_535), default=8110, metavar="P", help="its port (8110)")
    commands.add_parser("setup", help="make what the others need: Lambda's packages, the layer, the template")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if done, 1 if the demo failed, 2 if it cannot start, 130 or 143 after SIGINT or SIGTERM.
    """
    options = parser().parse_args(arguments)
    with ExitStack() as stack:
        if options.command == "run":
            folder = TemporaryDirectory(prefix="agentic-memory-", ignore_cleanup_errors=True)
            options.data_dir = Path(stack.enter_context(folder))
        code = _result_or_signal(lambda: COMMANDS[options.command](options))
        if code > INTERRUPTED:
            _end_children()
    return code


def _result_or_signal(command: Callable[[], int]) -> int:
    """Run a command in a thread; return its exit code, or that of the signal that came first.

    A signal handler that raises does so anywhere in the main thread, inside a lock as well. Here it only
    leaves a note, so any number of signals may come at any moment.
    """
    codes: SimpleQueue[int] = SimpleQueue()

    def run() -> None:
        try:
            codes.put(command())
        except (OSError, ValueError, RuntimeError) as error:  # what a person can fix
            print(f"error: {error}", file=sys.stderr)
            codes.put(2)
        except BaseException:  # noqa: BLE001 - our own fault; the main thread waits for a code in any case
            traceback.print_exc()
            codes.put(1)

    # SIGINT too: a shell that starts us with & has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: codes.put(INTERRUPTED + number))
    threading.Thread(target=run, daemon=True).start()
    return codes.get()


def _end_children() -> None:
    """Kill all children at once, and print nothing of what the command's thread makes of it."""
    from local.processes import CHILDREN  # noqa: PLC0415 - see _run

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.dup2(null, sys.stderr.fileno())
    CHILDREN.stop()


# The commands import what they need themselves: signals are handled before anything slow happens.


def _run(options: argparse.Namespace) -> int:
    from local.demo import deliver_file, run_demo  # noqa: PLC0415
    from local.system import System  # noqa: PLC0415

    if options.call and not options.call.is_file():
        raise FileNotFoundError(f"--call: there is no file {options.call}")
    with System(data_dir=options.data_dir, progress=_progress) as system:
        passed = (
            deliver_file(system, options.call, sys.stdout) if options.call else run_demo(system, sys.stdout)
        )
    print("See it: make serve")
    return 0 if passed else 1


def _serve(options: argparse.Namespace) -> int:
    from local.console import console  # noqa: PLC0415
    from local.system import System  # noqa: PLC0415

    if options.mem0 and not os.environ.get("MEM0_API_KEY"):
        raise ValueError(f"--mem0 {options.mem0} needs its key: set MEM0_API_KEY")
    with System(
        port_base=options.port_base,
        data_dir=options.data_dir,
        mem0_url=options.mem0,
        deliver_logs=True,
        progress=_progress,
    ) as system:
        _write_environment(system)
        with console(system, options.port_base) as served:
            print(_welcome(system, served.url), flush=True)
            threading.Event().wait()
    return 0


def _mem0(options: argparse.Namespace) -> int:
    from local.mem0 import server  # noqa: PLC0415
    from local.mem0.embedding import preload  # noqa: PLC0415
    from local.system import LocalCredentials  # noqa: PLC0415

    own = LocalCredentials.from_environment()
    keys = [own.first(name) for name in ("MEM0_API_KEY", "MEM0_ORG_ID", "MEM0_PROJECT_ID")]
    preload().join()
    with server.start(options.data_dir, options.port, *keys) as stand_in:
        print(
            f"Mem0 stand-in at {stand_in.url}, memories in {options.data_dir}.\n"
            "It has no language model: for infer=true it keeps the caller's own sentences.\n"
            "Ctrl-C ends it.",
            flush=True,
        )
        threading.Event().wait()
    return 0


def _setup(_options: argparse.Namespace) -> int:
    from local.lambda_host.toolchain import ensure_layer, ensure_packages, ensure_runtime  # noqa: PLC0415
    from local.synth import synthesize  # noqa: PLC0415

    ensure_runtime(progress=_progress)
    ensure_layer(progress=_progress)
    ensure_packages(progress=_progress)
    synthesize(progress=_progress)
    _progress("ready")
    return 0


COMMANDS = {"run": _run, "serve": _serve, "mem0": _mem0, "setup": _setup}


def _welcome(system: "System", console_url: str) -> str:
    from local.system import DEFAULTS  # noqa: PLC0415

    at = system.endpoints
    values = system.credentials.values
    own = {name for name, default in DEFAULTS.items() if values[name] != default}  # not printed
    keys = {name: "(yours, from the environment)" if name in own else values[name] for name in DEFAULTS}
    shown = "\n".join(f"  {name:<26}{value if values[name] else '(none)'}" for name, value in keys.items())
    key = "'\"$ELEVENLABS_WORKSPACE_KEY\"'" if "ELEVENLABS_WORKSPACE_KEY" in own else at.workspace_key
    return f"""
AgenticMemory is up. See it in a browser:
  {console_url}

  ClientData   POST {at.client_data_url}
  Retrieve     POST {at.retrieve_url}
  PostCall     POST {at.post_call_url}
  Mem0         {at.mem0_url}
  ElevenLabs   {system.elevenlabs.url}, key {system.elevenlabs.api_key}
  memories, logs and the workspace in {system.data_dir}

Credentials in use:
{shown}

Try:
  curl -s {at.client_data_url} \\
    -H 'X-Workspace-Key: {key}' \\
    -H 'Content-Type: application/json' -d '{SAMPLE_CALLER}'
  curl -s {at.retrieve_url} \\
    -H 'Content-Type: application/json' -d '{SAMPLE_QUESTION}'

Or operate it, in another terminal:
  . {system.data_dir / "env"} && ./amem dead-letters

Ctrl-C ends everything."""


def _write_environment(system: "System") -> None:
    """Write `env` in the data dir: what a shell exports for the operator's commands to use this system."""
    variables = system.operator_environment
    path = system.data_dir / "env"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))


def _progress(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line} ...", file=sys.stderr, flush=True)


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return read
