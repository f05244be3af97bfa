"""The web application: its pages, its stream, its files, and how errors are told."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from console.guard import Guard
from console.live import Changes
from console.pages.callers import CallerPages
from console.pages.calls import CallPages
from console.pages.health import HealthPages
from console.pages.try_it import TryItPages
from console.phone import Phone
from console.problems import NotFoundError, problem
from console.recent import Filters
from console.site import FOLDER, Site, form, text
from ops.calls import Sources


def build(  # noqa: PLR0913 - keyword-only settings with defaults
    sources: Sources,
    *,
    token: str,
    port: int,
    allow_changes: bool = False,
    phone: Phone | None = None,
    seconds: float = 10.0,
) -> Starlette:
    """The console as an ASGI application.

    Args:
        sources: what it shows.
        token: who has it may see the pages.
        port: where it listens, on 127.0.0.1.
        allow_changes: whether callers may be forgotten and dead letters moved.
        phone: makes calls for the page "Try it"; None leaves that page out.
        seconds: between two looks for changed calls, while a page is open.
    """
    site = Site(sources, token=token, port=port, allow_changes=allow_changes, phone=phone)
    changes = Changes(lambda: _state(site), seconds)
    routes = [*CallPages(site).routes(), *CallerPages(site).routes(), *HealthPages(site).routes()]
    if phone:
        routes += TryItPages(site, phone).routes()

    def start(_request: Request) -> Response:
        return RedirectResponse("/try" if phone else "/calls", 303)

    def job(request: Request) -> Response:
        found = site.jobs.get(request.path_params["number"])
        if found is None:
            raise NotFoundError("this job is not known any more")
        return site.render(request, "job.html", job=found)

    def show_numbers(_request: Request, sent: FormData) -> Response:
        back = text(sent, "back", 2000)
        # A path of our own: `//host` and `/\host` would lead to another one.
        response = RedirectResponse("/" + back.lstrip("/\\") if back.isprintable() else "/", 303)
        site.show_numbers(response, shown=text(sent, "show") == "yes")
        return response

    def show_problem(request: Request, error: Exception) -> Response:
        found = problem(error)
        return site.render(request, "problem.html", status=found.status, problem=found)

    return Starlette(
        routes=[
            Route("/", start),
            *routes,
            Route("/jobs/{number:int}", job),
            Route("/numbers", form(show_numbers), methods=["POST"]),
            Route("/events", changes.stream),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        middleware=[
            Middleware(Guard, token=token, port=port),
            # Starlette itself would answer an Exception outside of the guard, without its headers.
            Middleware(ExceptionMiddleware, handlers={Exception: show_problem}),
        ],
        exception_handlers={HTTPException: show_problem},
    )


def _state(site: Site) -> Mapping[str, object]:
    """What may change of the newest calls."""
    return {call.conversation_id: (call.outcome, call.left) for call in site.recent.page(Filters())}
