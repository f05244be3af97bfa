"""The console in a real browser: a call is made, remembered, and told the next time."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from console.pages import calls
from console.server import ConsoleServer
from local.browser import chromium
from local.elevenlabs import Call, ElevenLabs
from local.phone import SimulatedPhone
from local.system import System
from ops.calls import Sources
from ops.errors import OperatorError
from tests.console.conftest import TOKEN, call_of
from tests.local.support import until

CALLER = "+447700900142"
WORDS = "I keep two goats, and the brown one is called Biscuit."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def served(sources: Sources, phone: SimulatedPhone | None, port: int = 0) -> Iterator[ConsoleServer]:
    with ConsoleServer(
        sources, token=TOKEN, port=port, allow_changes=True, phone=phone, seconds=0.1
    ) as server:
        yield server


@pytest.fixture(scope="module")
def server(sources: Sources, phone: SimulatedPhone) -> Iterator[ConsoleServer]:
    with served(sources, phone) as running:
        yield running


@contextmanager
def opened(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """A page of a browser of its own; what it complains of is a failure."""
    context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type]
    with closing(context):
        page = context.new_page()
        page.set_default_timeout(15_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda line: problems.append(line.text) if "Security Policy" in line.text else None
        )
        page.goto(url)
        yield page
        assert problems == []


@pytest.fixture
def page(browser: Browser, server: ConsoleServer) -> Iterator[Page]:
    with opened(browser, server.url) as found:
        yield found


@contextmanager
def hurried(system: System) -> Iterator[None]:
    """The queue's clock runs fast: the worker looks again whether Mem0 is done, without waiting."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.2):
            system.aws.advance_clock(1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_call_is_made_remembered_and_told_the_next_time(page: Page, system: System) -> None:
    expect(page.get_by_role("heading", name="Try it")).to_be_visible()
    page.get_by_label("Calling from").fill(CALLER)
    page.get_by_role("button", name="Ring", exact=True).click()
    expect(page.get_by_text("the caller is new")).to_be_visible()
    expect(page.get_by_role("region", name="The text of the prompt")).to_contain_text("Nothing is known")
    page.get_by_label("The caller says").fill(WORDS)
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_text(WORDS)).to_be_visible()
    with hurried(system):
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_text("PostCall answered 200")).to_be_visible()
        expect(page.get_by_role("link", name="Call again, and be known")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="Remembered")).to_have_attribute(
        "aria-current", "step"
    )
    page.get_by_role("link", name="Call again, and be known").click()
    page.get_by_role("button", name="Ring", exact=True).click()
    expect(page.get_by_text("the caller is known")).to_be_visible()
    expect(page.get_by_role("region", name="The text of the prompt")).to_contain_text("Biscuit")
    page.get_by_label("The agent looks up").fill("what is the brown goat called?")
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("listitem").filter(has_text="Retrieve")).to_contain_text("Biscuit")
    page.get_by_role("button", name="Hang up").click()
    page.get_by_role("link", name="Calls").click()
    expect(page.locator("tbody tr").filter(has_text="+4477•••0142")).to_have_count(2)


def test_sample_plays_itself(page: Page) -> None:
    page.locator("form").filter(has_text="ring").get_by_role("button", name=re.compile("anonymous")).click()
    page.wait_for_url("**/try/conv_*")
    while page.get_by_role("button", name="Say it").is_visible():
        with page.expect_navigation():
            page.get_by_role("button", name="Say it").click()
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_text("left out").first).to_be_visible()


def test_new_call_appears_without_a_reload(page: Page, elevenlabs: ElevenLabs, server: ConsoleServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/calls")
    call = elevenlabs.run_call(call_of("+447700900143", "Please call me back about the piano."))
    link = page.locator(f'a[href="/calls/{call.conversation_id}"]')
    expect(link).to_be_visible()


def test_any_number_of_tabs_share_one_stream(
    browser: Browser, server: ConsoleServer, elevenlabs: ElevenLabs
) -> None:
    with opened(browser, server.url) as first:
        tabs = [first.context.new_page() for _ in range(8)]  # browsers open six connections to a host
        for tab in tabs:
            tab.goto(f"http://127.0.0.1:{server.port}/calls")
        for number, tab in enumerate((tabs[-1], tabs[1])):
            call = elevenlabs.run_call(call_of(f"+44770090014{number}", "Please order two buckets of lime."))
            link = tab.locator(f'a[href="/calls/{call.conversation_id}"]')
            expect(link).to_be_visible()
            tabs[0].close()  # it has the stream


def test_focus_stays_when_calls_change(page: Page, elevenlabs: ElevenLabs, server: ConsoleServer) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/calls")
    focused = page.locator("tbody tr").first.get_by_role("link").first
    address = focused.get_attribute("href")
    focused.focus()
    call = elevenlabs.run_call(call_of("+447700900149", "I would like to hear about the organ."))
    expect(page.locator(f'a[href="/calls/{call.conversation_id}"]')).to_be_visible()
    expect(page.locator(f'a[href="{address}"]')).to_be_focused()


def test_error_of_a_part_is_told_in_its_own_words(
    page: Page, server: ConsoleServer, maria: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperatorError("Mem0 did not answer within 5 seconds")

    monkeypatch.setattr(calls, "look_up", fail)
    page.goto(f"http://127.0.0.1:{server.port}/calls/{maria[1].conversation_id}")
    expect(page.get_by_role("alert")).to_contain_text("Mem0 did not answer within 5 seconds")


def test_link_from_another_page_leads_in_with_one_more_step(browser: Browser, server: ConsoleServer) -> None:
    with opened(browser, f"http://localhost:{server.port}/") as page:  # another site, as browsers see it
        page.set_content(f'<a href="{server.url}">console</a>')
        page.get_by_role("link", name="console").click()
        page.get_by_role("link", name="go on").click()
        expect(page.get_by_role("heading", name="Try it")).to_be_visible()


def test_stream_survives_a_restart(
    browser: Browser, sources: Sources, phone: SimulatedPhone, elevenlabs: ElevenLabs
) -> None:
    with served(sources, phone) as first:
        port, url = first.port, first.url
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.goto(f"http://127.0.0.1:{port}/calls")
    with closing(context):
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        call = elevenlabs.run_call(call_of("+447700900144", "The gate squeaks again, please oil it."))
        with served(sources, phone, port):
            expect(page.locator(f'a[href="/calls/{call.conversation_id}"]')).to_be_visible(timeout=20_000)
            expect(page.get_by_role("alert")).to_be_hidden()


def addresses(page: Page, call: Call) -> Iterator[str]:
    """Every page there is."""
    base = page.url.split("/", 3)
    origin = "/".join(base[:3])
    yield from (
        f"{origin}{path}"
        for path in ("/try", "/calls", "/callers", "/health", "/calls/conv_none", "/callers?page=7")
    )
    yield f"{origin}/calls/{call.conversation_id}"
    yield f"{origin}/calls/{call.conversation_id}/look-ups/0"
    page.goto(f"{origin}/callers")
    caller = page.locator("tbody a").first.get_attribute("href")
    yield from (f"{origin}{caller}{path}" for path in ("", "/prompt", "/search?q=key", "/forget"))
    page.goto(f"{origin}/try")
    page.get_by_role("button", name="Ring", exact=True).click()
    page.wait_for_url("**/try/conv_*")
    yield page.url


def test_every_page_is_accessible_and_fits_a_phone(
    browser: Browser, server: ConsoleServer, maria: list[Call]
) -> None:
    axe = Axe()
    colors = {"runOnly": ["color-contrast"]}
    with opened(browser, server.url, viewport={"width": 360, "height": 740}) as page:
        for address in addresses(page, maria[1]):
            page.goto(address)
            if address.endswith("/health"):
                expect(page.get_by_text("proves it with a fictional call")).to_be_visible()
            if "/calls/conv_" in address and "look-ups" not in address and "none" not in address:
                expect(page.get_by_role("heading", name="What Mem0 offers now")).to_be_visible()
            for closed in page.locator("details").all():
                closed.locator("summary").click()
            for scheme, options in (("light", None), ("dark", colors)):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                found = axe.run(page, options=options)
                assert found.violations_count == 0, (address, scheme, found.generate_report())
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, (address, width)
            cut = page.locator(".scroll").evaluate_all(
                "all => all.filter(e => e.scrollWidth > e.clientWidth)"
            )
            assert not cut, address


def test_keyboard_alone_makes_a_call(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    field = page.get_by_label("Calling from")
    for _ in range(30):
        page.keyboard.press("Tab")
        if field.evaluate("field => field === document.activeElement"):
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("+447700900145")
    page.keyboard.press("Enter")
    words = page.get_by_label("The caller says")
    expect(words).to_be_focused()
    page.keyboard.type("It is me.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".chat")).to_contain_text("It is me.")


def test_pages_work_without_javascript(
    browser: Browser, server: ConsoleServer, maria: list[Call], system: System
) -> None:
    with opened(browser, server.url, java_script_enabled=False) as page:
        page.get_by_label("Calling from").fill("+447700900146")
        page.get_by_role("button", name="Ring", exact=True).click()
        page.get_by_label("The caller says").fill("The fence on the north side has fallen over.")
        page.get_by_role("button", name="Say it").click()
        page.get_by_role("button", name="Hang up").click()
        expect(page.get_by_role("link", name="Look again")).to_be_visible()

        def is_remembered() -> bool:
            system.aws.advance_clock(1)
            page.reload()
            return page.get_by_role("link", name="Call again, and be known").is_visible()

        until(is_remembered, "the page says so", 30)
        page.get_by_role("link", name="Calls").click()
        page.locator(f'a[href="/calls/{maria[0].conversation_id}"]').click()
        expect(page.get_by_role("heading", name="What the call left behind")).to_be_visible()
        page.get_by_role("link", name="Health").click()
        page.get_by_role("link", name="Run the checks").click()
        expect(page.get_by_text("proves it with a fictional call")).to_be_visible()


def test_browser_without_the_token_sees_nothing(browser: Browser, server: ConsoleServer) -> None:
    with opened(browser, f"http://127.0.0.1:{server.port}/calls") as page:
        assert "holds the token" in page.content()
        assert page.locator("table").count() == 0


def test_forgetting_shows_how_it_goes(
    page: Page, elevenlabs: ElevenLabs, sources: Sources, system: System
) -> None:
    user_id = "+447700900147"
    elevenlabs.run_call(call_of(user_id, "My favorite color is vermilion."))
    with hurried(system):
        until(lambda: list(sources.memories(user_id)), "it is remembered", 30)
    page.get_by_role("link", name="Callers").click()
    page.get_by_label("Find a caller").fill("+44 7700 900147")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Forget this caller").click()
    page.get_by_label("Type the caller to confirm").fill(user_id)
    page.get_by_role("button", name="Forget this caller").click()
    expect(page.locator(".notice.good")).to_be_visible(timeout=30_000)
    assert not list(sources.memories(user_id))
