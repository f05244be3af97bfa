"""Try it: make a call on this machine, see the prompt appear, talk, hang up, and be known the next time."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console.callers import without_numbers
from console.phone import LiveCall, Phone
from console.problems import NotFoundError
from console.site import Site, form, text
from ops.calls import call

_LONGEST = 2000  # characters of what is said


class TryItPages:
    """`/try` and `/try/ID`."""

    def __init__(self, site: Site, phone: Phone) -> None:
        self._site = site
        self._phone = phone

    def routes(self) -> list[Route]:
        """Their addresses."""
        one = "/try/{conversation_id}"
        return [
            Route("/try", self.begin),
            Route("/try", form(self.ring), methods=["POST"]),
            Route(one, self.call),
            Route(f"{one}/say", form(self.say), methods=["POST"]),
            Route(f"{one}/look-up", form(self.look_up), methods=["POST"]),
            Route(f"{one}/hang-up", form(self.hang_up), methods=["POST"]),
        ]

    def begin(self, request: Request) -> Response:
        """Who calls whom."""
        agents = self._site.agents()
        again = self._phone.call(request.query_params.get("again", ""))
        return self._site.render(
            request,
            "try_it.html",
            about=again.caller_id if again else "",
            agents=agents,
            samples=self._phone.samples,
            again=again,
            is_connected=all(self._phone.is_connected(agent) for agent in agents),
        )

    def ring(self, _request: Request, sent: FormData) -> Response:
        """Ring, and show the call."""
        if text(sent, "connect"):
            self._phone.connect()
        caller_id = text(sent, "caller_id")
        again = self._phone.call(text(sent, "again"))
        if again and caller_id == without_numbers(again.caller_id, again.caller_id):
            caller_id = again.caller_id  # it was shown masked, and left as it was
        begun = self._phone.ring(
            caller_id=caller_id,
            agent_id=text(sent, "agent_id"),
            sample=text(sent, "sample"),
            caller_name=text(sent, "caller_name"),
        )
        return _to(begun.conversation_id)

    def call(self, request: Request) -> Response:
        """The call as it is now; what became of it once it is over."""
        live = self._live(request)
        over = live.is_over and not live.problem
        found = call(self._site.sources, live.conversation_id) if over else None
        return self._site.render(request, "try_call.html", about=live.caller_id, live=live, found=found)

    def say(self, request: Request, sent: FormData) -> Response:
        """Say something; a page of before may ask for it when the call is over."""
        live = self._live(request)
        if (words := text(sent, "words", _LONGEST)) and not live.is_over:
            self._phone.say(live.conversation_id, words)
        return _to(live.conversation_id)

    def look_up(self, request: Request, sent: FormData) -> Response:
        """Let the agent look something up, unless the call is over."""
        live = self._live(request)
        if (query := text(sent, "query")) and not live.is_over:
            self._phone.look_up(live.conversation_id, query)
        return _to(live.conversation_id)

    def hang_up(self, request: Request, _sent: FormData) -> Response:
        """Hang up."""
        live = self._live(request)
        self._phone.hang_up(live.conversation_id)
        return _to(live.conversation_id)

    def _live(self, request: Request) -> LiveCall:
        live = self._phone.call(request.path_params["conversation_id"])
        if live is None:
            raise NotFoundError("this call is not known any more; the page Calls may have it")
        return live


def _to(conversation_id: str) -> Response:
    return RedirectResponse(f"/try/{conversation_id}", 303)
