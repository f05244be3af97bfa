"""A Chromium for tests and pictures: the one that npm's `@sparticuz/chromium` carries, or the system's."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, sync_playwright

from local.lambda_host.toolchain import ROOT

_ARGUMENTS = ("--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-background-networking")
# As in Lambda, the package unpacks its fonts and libraries too: a bare machine may have none.
_UNPACK = """
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs20.x";
const { default: chromium } = await import("@sparticuz/chromium");
const path = await (chromium.default ?? chromium).executablePath();
console.log(JSON.stringify([path, process.env.LD_LIBRARY_PATH, process.env.FONTCONFIG_PATH]));
"""
_UNPACK_SECONDS = 60


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it, without a window.

    Raises:
        RuntimeError: if there is none that runs on this machine.
    """
    with sync_playwright() as playwright:
        problems = []
        for path, environment in _found():
            try:
                browser = playwright.chromium.launch(
                    executable_path=path, args=_ARGUMENTS, env={**os.environ, **environment}
                )
            except Error as error:
                problems.append(f"{path}: {error.message.splitlines()[0]}")
                continue
            with browser:
                yield browser
            return
        problem = "; ".join(problems) or "neither npm's @sparticuz/chromium nor chromium on the path"
        raise RuntimeError(f"no browser runs here: {problem}. Install chromium")


def _found() -> Iterator[tuple[str, dict[str, str]]]:
    """Paths of browsers, with the environment that each needs."""
    try:
        unpacked: list[Any] = json.loads(
            subprocess.run(  # noqa: S603 - our own program
                ["node", "--input-type=module", "-e", _UNPACK],  # noqa: S607 - the user's Node.js
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
                timeout=_UNPACK_SECONDS,
            ).stdout
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        pass
    else:
        path, libraries, fonts = unpacked
        yield path, {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_PATH": fonts}
        # It may have been interrupted while it was unpacked.
        Path(path).unlink(missing_ok=True)
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if system := shutil.which(name):
            yield system, {}
