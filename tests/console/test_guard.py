"""Nobody sees anything without the token, from another host's name, or from another site's page."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from console.guard import LONGEST_BODY, Guard

PORT = 8190
ORIGIN = f"http://127.0.0.1:{PORT}"
TOKEN = "only-the-operator-knows"
SECRET = "what callers said"


def show(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(SECRET)


@pytest.fixture
def stranger() -> Iterator[TestClient]:
    """A browser that was never given the token."""
    routes = [Route("/{path:path}", show, methods=["GET", "POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, token=TOKEN, port=PORT)])
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        yield client


@pytest.fixture
def operator(stranger: TestClient) -> TestClient:
    """The same browser after the first address."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 303
    return stranger


@pytest.mark.parametrize(
    "path", ["/", "/calls", "/static/console.css", "/events", "/nothing", "/?token=", "/?token=x"]
)
def test_without_the_token_nothing_is_shown(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert "set-cookie" not in answer.headers


def test_token_moves_from_the_address_into_a_cookie(stranger: TestClient) -> None:
    answer = stranger.get(f"/calls?state=waiting&token={TOKEN}")
    assert answer.headers["location"] == "/calls?state=waiting"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get("/calls").text == SECRET


def test_cookie_of_another_console_is_not_taken(stranger: TestClient) -> None:
    stranger.cookies.set(f"console-{PORT + 1}-token", TOKEN)
    assert stranger.get("/calls").status_code == 401


@pytest.mark.parametrize("path", ["//example.com/", "/\\example.com/"])
def test_token_never_leads_to_another_host(stranger: TestClient, path: str) -> None:
    answer = stranger.get(f"{ORIGIN}{path}?token={TOKEN}")
    assert answer.headers["location"].startswith("/")
    assert answer.headers["location"][1] not in "/\\"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"evil.example:{PORT}", ""]
)
def test_other_hosts_are_refused(operator: TestClient, host: str) -> None:
    answer = operator.get("/calls", headers={"Host": host})
    assert answer.status_code == 421
    assert SECRET not in answer.text


def test_localhost_is_this_machine_too(operator: TestClient) -> None:
    operator.cookies.set(f"console-{PORT}-token", TOKEN, domain="localhost.local")
    answer = operator.get(
        "/calls", headers={"Host": f"localhost:{PORT}", "Cookie": f"console-{PORT}-token={TOKEN}"}
    )
    assert answer.text == SECRET


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", f"http://localhost:{PORT}", "http://127.0.0.1"]
)
def test_changes_from_other_pages_are_refused(operator: TestClient, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = operator.post("/forget", headers=headers, data={"typed": "x"})
    assert answer.status_code == 403
    assert SECRET not in answer.text
    assert operator.post("/forget", headers={"Origin": ORIGIN}, data={"typed": "x"}).text == SECRET


def test_change_without_the_token_is_refused(stranger: TestClient) -> None:
    answer = stranger.post(f"/forget?token={TOKEN}", headers={"Origin": ORIGIN}, data={"typed": "x"})
    assert answer.status_code == 401


def test_long_forms_are_refused(operator: TestClient) -> None:
    answer = operator.post("/forget", headers={"Origin": ORIGIN}, content=b"x" * (LONGEST_BODY + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("cookie", ["", "broken", "=;;=", "console-8190-token=é", "a" * 5000])
def test_odd_cookies_are_no_token(stranger: TestClient, cookie: str) -> None:
    answer = stranger.get("/calls", headers={b"Cookie": cookie.encode()})
    assert answer.status_code == 401


@pytest.mark.parametrize("other", ['a={"x": 1, "y": 2}', "[b]=1", "c@d=e; =f", 'g="h', "k=\xe9"])
def test_cookies_of_other_programs_lock_nobody_out(stranger: TestClient, other: str) -> None:
    cookie = f"{other}; console-{PORT}-token={TOKEN}"
    answer = stranger.get("/calls", headers={b"Cookie": cookie.encode("latin-1")})
    assert answer.text == SECRET


def test_form_without_a_length_is_refused(operator: TestClient) -> None:
    headers = {"Origin": ORIGIN, "Content-Length": "5", "Transfer-Encoding": "chunked"}
    assert operator.post("/forget", headers=headers, content=b"a=bcd").status_code == 413


@pytest.mark.parametrize("path", ["/", "/calls?token=x"])
def test_every_answer_forbids_scripts_of_others_and_caching(operator: TestClient, path: str) -> None:
    headers = operator.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
