"""The newest calls, and everything about one call."""

import datetime as dt
import itertools
import re
from typing import get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.problems import NotFoundError
from console.recent import MOST_FILTERED, PAGE_SIZE, Filters
from console.site import Site
from console.timeline import timeline
from ops.callers import identify
from ops.calls import State, call, look_up

_STATES = get_args(State)
_CONVERSATION = re.compile(r"conv_[A-Za-z0-9_-]{1,250}")
_NUMBER = re.compile(r"[+\d][\d ()./-]{6,30}")
_BEFORE = re.compile(r"(\d{1,10}),([A-Za-z0-9_-]{1,256})")
_LONGEST = 200  # characters of what is searched for


class CallPages:
    """`/calls`, `/calls/ID` and what hangs on them."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/calls", self.calls),
            Route("/calls/{conversation_id}", self.call),
            Route("/calls/{conversation_id}/look-ups/{number:int}", self.look_up),
        ]

    def calls(self, request: Request) -> Response:
        """The newest calls, filtered and searched."""
        query = request.query_params
        sought = query.get("q", "").strip()[:_LONGEST]
        if _CONVERSATION.fullmatch(sought):
            return RedirectResponse(f"/calls/{sought}", 303)
        if _NUMBER.fullmatch(sought):  # a number does not stay in the address
            reference = self._site.references.of(identify(self._site.deployment, sought))
            return RedirectResponse(f"/calls?caller={reference}", 303)
        filters = Filters(
            user_id=self._site.caller(query["caller"]) if query.get("caller") else "",
            agent_id=query.get("agent", "")[:_LONGEST],
            state=query.get("state", "") if query.get("state") in _STATES else "",
            words=sought,
        )
        before = _before(query.get("before", ""))
        found = self._site.recent.page(filters, before)
        return self._site.render(
            request,
            "calls.html",
            calls=found,
            filters=filters,
            states=_STATES,
            agents=self._site.agents(),
            is_first=before is None,
            next=_next(request, found[-1].began, found[-1].conversation_id)
            if len(found) == PAGE_SIZE
            else "",
            most_filtered=MOST_FILTERED,
        )

    def call(self, request: Request) -> Response:
        """Everything about one call."""
        found = call(self._site.sources, request.path_params["conversation_id"])
        lines = found.told.lines if found.told else ()
        sections = [
            (heading, list(some)) for heading, some in itertools.groupby(lines, lambda line: line.section)
        ]
        return self._site.render(
            request,
            "call.html",
            about=found.overview.user_id,
            found=found,
            steps=timeline(found),
            sections=sections,
        )

    def look_up(self, request: Request) -> Response:
        """A look-up of a call, done again: what Mem0 offers now, what is chosen, and why not the rest."""
        found = call(self._site.sources, request.path_params["conversation_id"])
        number = request.path_params["number"]
        used = found.look_ups[number] if number < len(found.look_ups) else None
        if not used or not used.query or not found.overview.user_id:
            raise NotFoundError("the call has no such look-up")
        again = look_up(self._site.sources, found.overview.user_id, used.query)
        is_part = "hx-request" in request.headers  # of the call's own page
        return self._site.render(
            request,
            "look_up.html",
            about=found.overview.user_id,
            found=found,
            used=used,
            again=again,
            is_part=is_part,
        )


def _before(text: str) -> tuple[dt.datetime, str] | None:
    """The call before which a page begins: `1772532000,conv_1`."""
    if not text:
        return None
    match = _BEFORE.fullmatch(text)
    if not match:
        raise NotFoundError("there is no such page of calls")
    return dt.datetime.fromtimestamp(int(match[1]), dt.UTC), match[2]


def _next(request: Request, began: dt.datetime, conversation_id: str) -> str:
    """The address of the page after the one that ends with this call."""
    return str(request.url.include_query_params(before=f"{began.timestamp():.0f},{conversation_id}").query)
