"""The docs' pictures are of pages that there are."""

from starlette.testclient import TestClient

from local.elevenlabs import Call
from local.lambda_host.toolchain import ROOT
from local.phone import SimulatedPhone
from local.pictures import FOLDER, LARGEST, PICTURES
from tests.console.conftest import reference


def test_every_picture_is_of_a_page(console: TestClient, phone: SimulatedPhone, maria: list[Call]) -> None:
    rung = phone.ring(caller_id="+16125550178", agent_id="agent_01lindenstreetvet")
    places = {
        "try-it": {"conversation_id": rung.conversation_id},
        "call": {"conversation_id": maria[0].conversation_id},
        "caller": {"reference": reference(console.get("/callers").text)},
    }
    assert {path.stem for path in FOLDER.glob("*.png")} == PICTURES.keys()
    for name, path in PICTURES.items():
        assert console.get(path.format(**places[name])).status_code == 200, name


def test_every_picture_is_shown_in_the_docs_and_small() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    for name in PICTURES:
        assert f"pictures/{name}.png" in pages, name
        assert 0 < (FOLDER / f"{name}.png").stat().st_size <= LARGEST
