"""Takes the pictures of the console that the docs show, from the demo's two calls: `make pictures`."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page

from console.server import ConsoleServer
from local.browser import chromium
from local.console import console
from local.demo.show import KINDS
from local.demo.two_calls import CALLS, DAYS_BETWEEN
from local.elevenlabs import ElevenLabs, load_script
from local.lambda_host.toolchain import ROOT
from local.memories import Memories
from local.system import System

FOLDER = ROOT / "docs" / "pictures"
PICTURES = {
    "try-it": "/try/{conversation_id}",
    "call": "/calls/{conversation_id}",
    "caller": "/callers/{reference}",
}
"""The path of the page on each picture."""

LARGEST = 200_000
"""Bytes of a picture."""

_SIZE = {"width": 1000, "height": 820}
_MILLISECONDS = 60_000
_CALL_MILLISECONDS = 3000


def take(folder: Path = FOLDER, say: Callable[[str], object] = print) -> None:
    """Take all pictures.

    Raises:
        RuntimeError: if no browser runs here, or a picture is too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with System(deliver_logs=True) as system, console(system) as server, chromium() as browser:
        page = browser.new_page(viewport=_SIZE)  # type: ignore[arg-type]
        page.set_default_timeout(_MILLISECONDS)
        page.goto(server.url)
        places = _play(system, server, page)
        for name, path in PICTURES.items():
            page.goto(f"http://127.0.0.1:{server.port}{path.format(**places)}")
            file = folder / f"{name}.png"
            page.screenshot(path=file)
            size = file.stat().st_size
            if size > LARGEST:
                raise RuntimeError(f"{file.name} has {size} bytes; at most {LARGEST} are allowed")
            say(f"{file.relative_to(folder.parent)}: {size // 1000} kB")


def _play(system: System, server: ConsoleServer, page: Page) -> dict[str, str]:
    """Make both calls, the second one on the page; what the paths of the pictures name."""
    system.elevenlabs.workspace.connect(system.endpoints)
    first = load_script(CALLS / "maria-first.json")
    with (
        ElevenLabs(system.elevenlabs.workspace) as elevenlabs,
        Memories(system.endpoints) as memories,
    ):
        call = elevenlabs.run_call(replace(first, start=int(time.time()) - DAYS_BETWEEN * 86_400))
        memories.wait_for(call.conversation_id, KINDS, _MILLISECONDS / 1000)
    page.goto(f"http://127.0.0.1:{server.port}/try")
    page.locator("form").filter(has_text="calls again").get_by_role("button").click()
    page.wait_for_url("**/try/conv_*")
    while page.get_by_role("button", name="Say it").is_visible():
        with page.expect_navigation():
            page.get_by_role("button", name="Say it").click()
    page.wait_for_timeout(_CALL_MILLISECONDS)  # ElevenLabs tells whole seconds, and a call of none looks odd
    page.get_by_role("button", name="Hang up").click()
    page.get_by_role("link", name="The whole call").wait_for()
    conversation_id = page.url.rpartition("/")[2]
    page.get_by_role("link", name="The whole call").click()
    caller = page.locator("h1 a").get_attribute("href") or ""
    return {"conversation_id": conversation_id, "reference": caller.rpartition("/")[2]}


if __name__ == "__main__":
    try:
        take()
    except RuntimeError as problem:
        sys.exit(f"error: {problem}")
