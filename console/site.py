"""What all pages share: where they read, what is allowed, and how a page is written."""

import datetime as dt
import functools
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from console.callers import References, masked, without_numbers
from console.guard import cookie_name
from console.jobs import Jobs
from console.phone import Phone
from console.problems import ForbiddenError, NotFoundError
from console.recent import RecentCalls
from ops.calls import Sources
from ops.errors import cannot_start
from ops.mem0 import Mem0
from post_call.redaction import CLASSES

FOLDER = Path(__file__).parent
SHOWN = "shown"


class Site:
    """One console.

    Args:
        sources: what it shows.
        token: the console's secret, which also keys the callers' references.
        port: where it listens.
        allow_changes: whether it may change what it shows.
        phone: makes calls, on this machine only.
    """

    def __init__(
        self, sources: Sources, *, token: str, port: int, allow_changes: bool, phone: Phone | None = None
    ) -> None:
        self.sources = sources
        self.deployment = sources.deployment
        self.allow_changes = allow_changes
        self.phone = phone
        self.jobs = Jobs()
        self.recent = RecentCalls(sources)
        self.references = References(token, self._user_ids)
        self._cookie = cookie_name("numbers", port)
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            finalize=_as_shown,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "moment": moment,
            "clock": clock,
            "day": lambda at: f"{at:%Y-%m-%d}",
            "iso": dt.datetime.isoformat,
            "took": took,
            "marked": marked,
            "path": lambda text: quote(text, safe=""),
        }

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = HTTPStatus.OK,
        about: str = "",
        **values: Any,
    ) -> Response:
        """A page of `values`, `number(user_id)` and `reference(user_id)`, about one caller or none."""
        shown = self.shows_numbers(request)
        query = request.url.query.replace("+", "%20")  # a plus would make a number of the digits after it
        html = self._templates.get_template(template).render(
            **values,
            number=(lambda user_id: user_id) if shown else masked,
            about=about,
            reference=self.references.of,
            numbers_shown=shown,
            stage=self.deployment.stage,
            allow_changes=self.allow_changes,
            has_phone=self.phone is not None,
            path=request.url.path,
            address=request.url.path + (f"?{query}" if query else ""),
        )
        return HTMLResponse(html, status)

    def shows_numbers(self, request: Request) -> bool:
        """Whether numbers are shown to this browser in full."""
        return request.cookies.get(self._cookie) == SHOWN

    def show_numbers(self, response: Response, *, shown: bool) -> None:
        """Show numbers in full from now on, or no longer."""
        if shown:
            response.set_cookie(self._cookie, SHOWN, httponly=True, samesite="strict")
        else:
            response.delete_cookie(self._cookie, httponly=True, samesite="strict")

    def caller(self, reference: str) -> str:
        """The user id behind a reference.

        Raises:
            NotFoundError: if there is none.
        """
        user_id = self.references.user_id(reference)
        if user_id is None:
            raise NotFoundError("nothing is remembered of this caller")
        return user_id

    def agents(self) -> dict[str, str]:
        """The workspace's agents: names by id."""
        return {
            str(agent["agent_id"]): str(agent.get("name") or "") for agent in self.sources.workspace.agents()
        }

    def require_changes(self) -> None:
        """Refuse what changes something, unless that is allowed.

        Raises:
            ForbiddenError: if it is not.
        """
        if not self.allow_changes:
            raise ForbiddenError("this console only reads; start it with --allow-changes")

    def _user_ids(self) -> list[str]:
        with Mem0.of(self.deployment) as mem0:
            return [str(user["name"]) for user in mem0.users()]


@jinja2.pass_context
def _as_shown(context: jinja2.runtime.Context, value: object) -> object:
    """Whatever a template prints: without phone numbers, unless this browser asked for them.

    Imported macros know no page; what they return is printed by one.
    """
    if context.get("numbers_shown", True):
        return value
    text = without_numbers(value if isinstance(value, str) else str(value), context["about"])
    return Markup(text) if isinstance(value, Markup) else text  # noqa: S704 - it was escaped before


def form(page: Callable[[Request, FormData], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that is given the form that was sent, in a thread."""

    @functools.wraps(page)
    async def endpoint(request: Request) -> Response:
        async with request.form(max_fields=20) as sent:
            return await run_in_threadpool(page, request, sent)

    return endpoint


def text(sent: FormData, name: str, longest: int = 500) -> str:
    """A field of a form; empty if it is missing.

    Raises:
        OperatorError: if it is too long.
    """
    value = sent.get(name, "")
    value = value.strip() if isinstance(value, str) else ""
    if len(value) > longest:
        raise cannot_start(f"{name} is longer than {longest} characters")
    return value


def moment(at: dt.datetime) -> Markup:
    """A time, in UTC."""
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S} UTC</time>').format(at.isoformat(), at)


def clock(seconds: int) -> str:
    """Where in a call: `01:05`."""
    return f"{seconds // 60:02}:{seconds % 60:02}"


def took(seconds: float) -> str:
    """How long something took: `120 ms`, `4.2 s`, `3 min 5 s`, `2 h`, `9 days`."""
    minute, hour, day = 60, 3600, 86_400
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < minute:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < hour:
        return f"{seconds // minute:.0f} min {seconds % minute:.0f} s"
    if seconds < 2 * day:
        return f"{seconds / hour:.0f} h"
    return f"{seconds / day:.0f} days"


def marked(text: str) -> Markup:
    """Text in which what stands for a secret is marked."""
    html = str(escape(text))
    for placeholder in CLASSES.values():
        html = html.replace(str(escape(placeholder)), f'<mark class="redacted">{escape(placeholder)}</mark>')
    return Markup(html)  # noqa: S704 - it was escaped above
