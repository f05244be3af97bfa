"""Who may see the console: only whoever has its token, from a page of its own, on this machine."""

import hmac
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 64 * 1024
PARAMETER = "token"

_SAFE = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: browsers would then send forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# A browser sends no strict cookie where a link of another page led: from here, it does.
_HOW_TO_GET_IN = (
    "Open the address that the console printed when it started: it holds the token. "
    'If you have, <a href="">go on</a>.'
)


class Guard:
    """Middleware: lets a request in, or refuses it before any page sees it.

    The token comes with the first address, and then in a cookie. Which host and origin a request must name
    keeps pages of other sites out, those included whose name was made to mean this machine.

    Args:
        app: what is guarded.
        token: the secret of this console.
        port: where it listens.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode()
        self._cookie = cookie_name("token", port)
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._refusal(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return _refuse(f"This console answers only to {self._hosts[0]}.", 421)
        if scope["method"] not in _SAFE:
            if headers.get("origin") != f"http://{host}":
                return _refuse("A change must be asked for on a page of this console.", 403)
            length = headers.get("content-length", "")
            if "transfer-encoding" in headers or not length.isdecimal() or int(length) > LONGEST_BODY:
                return _refuse("The form is too long.", 413)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(query).get(PARAMETER)
        if given is not None:
            return self._let_in(scope, given, [pair for pair in query if pair[0] != PARAMETER])
        # Not Python's own parser: it gives up at the odd cookie of any other program on this machine.
        if not self._is_token(cookie_parser(headers.get("cookie", "")).get(self._cookie, "")):
            return _refuse(_HOW_TO_GET_IN, 401)
        return None

    def _let_in(self, scope: Scope, given: str, rest: list[tuple[str, str]]) -> Response:
        """Take the token out of the address, into a cookie that lasts as long as the browser runs."""
        if scope["method"] not in _SAFE or not self._is_token(given):
            return _refuse(_HOW_TO_GET_IN, 401)
        path = "/" + scope["path"].lstrip("/\\")  # `//host` would lead to another host
        response = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), 303)
        response.set_cookie(self._cookie, given, httponly=True, samesite="strict")
        return response

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token)


def cookie_name(what: str, port: int) -> str:
    """A cookie's name; cookies do not know ports, and another console may run on this machine."""
    return f"console-{port}-{what}"


def _refuse(text: str, status: int) -> Response:
    html = f'<!doctype html><html lang="en"><title>AgenticMemory</title><p>{text}</p></html>\n'
    return HTMLResponse(html, status)
