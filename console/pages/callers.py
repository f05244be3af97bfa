"""Callers: what is remembered of them, what an agent would be told, and how to export or forget it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from console.callers import masked
from console.jobs import Say
from console.problems import NotFoundError
from console.site import Site, form, text
from ops.callers import identify
from ops.calls import Remembered, StoredMemory, caller, look_up, told_now
from ops.errors import OperatorError, cannot_start
from ops.export import export
from ops.forget import Forget
from ops.mem0 import Mem0

PAGE_SIZE = 50
_LONGEST = 500  # characters of a question
_PIECES_BEFORE = 7  # of an export: Mem0 has answered by then, and what fails is told on a page


@dataclass(frozen=True, kw_only=True)
class CallMemories:
    """What one call left."""

    conversation_id: str
    memories: list[StoredMemory]


class CallerPages:
    """`/callers`, `/callers/REFERENCE` and what hangs on them."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        """Their addresses."""
        one = "/callers/{reference}"
        return [
            Route("/callers", self.callers),
            Route("/callers", form(self.find), methods=["POST"]),
            Route(one, self.memories),
            Route(f"{one}/prompt", self.prompt),
            Route(f"{one}/search", self.search),
            Route(f"{one}/export", form(self.export), methods=["POST"]),
            Route(f"{one}/forget", self.ask_to_forget),
            Route(f"{one}/forget", form(self.forget), methods=["POST"]),
        ]

    def callers(self, request: Request) -> Response:
        """Everybody of whom something is remembered, in Mem0's order."""
        number = _page(request)
        with Mem0.of(self._site.deployment) as mem0:
            first = (number - 1) * PAGE_SIZE
            users = list(itertools.islice(mem0.users(), first, first + PAGE_SIZE + 1))
        return self._site.render(
            request,
            "callers.html",
            users=users[:PAGE_SIZE],
            number_of_page=number,
            has_more=len(users) > PAGE_SIZE,
        )

    def find(self, _request: Request, sent: FormData) -> Response:
        """The page of the caller with a number, in any spelling."""
        user_id = identify(self._site.deployment, text(sent, "caller"))
        return RedirectResponse(f"/callers/{self._site.references.of(user_id)}", 303)

    def memories(self, request: Request) -> Response:
        """What is remembered, newest call first."""
        user_id, number = self._caller(request), _page(request)
        found = caller(self._site.sources, user_id, number)
        if number > found.pages:
            raise NotFoundError("there are not so many memories")
        return self._site.render(
            request,
            "caller.html",
            about=user_id,
            found=found,
            calls=list(_by_call(found)),
            texts={memory.id: memory.text for memory in found.memories},
            number_of_page=number,
        )

    def prompt(self, request: Request) -> Response:
        """What an agent would be told if the caller rang now."""
        user_id = self._caller(request)
        agents = self._site.agents()
        agent = request.query_params.get("agent") or next(iter(agents), "")
        told = told_now(self._site.sources, user_id, agent)
        return self._site.render(
            request, "caller_prompt.html", about=user_id, agents=agents, agent=agent, told=told
        )

    def search(self, request: Request) -> Response:
        """What Retrieve would answer now, of what Mem0 offers, and why not the rest."""
        user_id = self._caller(request)
        question = request.query_params.get("q", "").strip()[:_LONGEST]
        again = look_up(self._site.sources, user_id, question) if question else None
        return self._site.render(request, "caller_search.html", about=user_id, question=question, again=again)

    def export(self, request: Request, _sent: FormData) -> Response:
        """Everything that is kept of the caller, as one JSON document."""
        user_id = self._caller(request)
        name = masked(user_id).replace("•", "x")
        safe = "".join(sign for sign in name if sign.isascii() and (sign.isalnum() or sign in "+-_"))
        pieces = export(self._site.deployment, user_id)
        begun = list(itertools.islice(pieces, _PIECES_BEFORE))
        return StreamingResponse(
            itertools.chain(begun, pieces),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="caller-{safe}.json"'},
        )

    def ask_to_forget(self, request: Request) -> Response:
        """What would be deleted."""
        user_id = self._caller(request)
        counts = {}
        if self._site.allow_changes:
            with Forget(self._site.deployment, user_id) as job:
                counts = job.counts()
        return self._site.render(request, "forget.html", about=user_id, counts=counts)

    def forget(self, request: Request, sent: FormData) -> Response:
        """Delete everything, once the caller was typed as the command asks for it."""
        self._site.require_changes()
        user_id = self._caller(request)
        if identify(self._site.deployment, text(sent, "typed") or "-") != user_id:
            raise cannot_start("that is another caller", "go back, and type the caller of this page")
        workspace = self._site.sources.workspace if text(sent, "elevenlabs") else None
        never_again = bool(text(sent, "never_again"))

        def run(say: Say) -> None:
            with Forget(
                self._site.deployment, user_id, workspace=workspace, never_again=never_again, say=say
            ) as job:
                receipt = job.run()
            self._site.recent.clear()
            for name, value in receipt.as_json().items():
                say(f"{name}: {value}")
            if any(receipt.after.values()):
                raise OperatorError("memories are left", remedy="forget the caller again")

        number = self._site.jobs.start(f"Forget {masked(user_id)}", "/callers", run)
        return RedirectResponse(f"/jobs/{number}", 303)

    def _caller(self, request: Request) -> str:
        return self._site.caller(request.path_params["reference"])


def _page(request: Request) -> int:
    number = request.query_params.get("page", "1")
    if not number.isdecimal() or not 1 <= int(number) <= 100_000:  # noqa: PLR2004
        raise NotFoundError("there is no such page")
    return int(number)


def _by_call(found: Remembered) -> Iterator[CallMemories]:
    for conversation_id, memories in itertools.groupby(found.memories, lambda memory: memory.conversation_id):
        yield CallMemories(conversation_id=conversation_id, memories=list(memories))
