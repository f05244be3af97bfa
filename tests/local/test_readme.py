"""What the README and docs/api.md show is what the running system does."""

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx

from local.elevenlabs.signature import sign
from local.system import System
from stacks.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CALLER = "+16125550142"


def example(name: str) -> Any:
    """The JSON block that follows the comment `<!-- example: name -->`."""
    found = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)\n```", API, re.DOTALL)
    assert found, f"docs/api.md has no example named {name}"
    return json.loads(found.group(1))


def alike(shown: Any, real: Any) -> bool:
    """Whether `real` has the shape and the values of `shown`, in which `…` ends a text that goes on."""
    if isinstance(shown, dict):
        return (
            isinstance(real, dict)
            and shown.keys() == real.keys()
            and all(alike(shown[key], real[key]) for key in shown)
        )
    if isinstance(shown, list):
        return isinstance(real, list) and len(shown) == len(real) and all(map(alike, shown, real))
    if isinstance(shown, str) and shown.endswith("…"):
        return isinstance(real, str) and real.startswith(shown[:-1])
    if isinstance(shown, float):  # a score: its value depends on the ranking
        return isinstance(real, float) and 0 < real <= 1
    return type(shown) is type(real) and shown == real


def remember(system: System) -> None:
    mem0 = system.endpoints
    metadata = {"type": "factual", "call_start": 1_772_532_000, "caller_name": "Maria Keller"}
    for text in ("Her neighbor Piotr has the spare key.", "Grows tomatoes on the balcony."):
        body = {
            "user_id": CALLER,
            "messages": [{"role": "user", "content": text}],
            "infer": False,
            "metadata": metadata,
        }
        headers = {"Authorization": f"Token {mem0.mem0_api_key}"}
        httpx.post(f"{mem0.mem0_url}/v3/memories/add/", json=body, headers=headers).raise_for_status()


def test_example_of_client_data(system: System) -> None:
    at = system.endpoints
    headers = {"Authorization": f"Token {at.mem0_api_key}"}
    everything = {"user_id": CALLER}
    httpx.delete(f"{at.mem0_url}/v1/memories/", params=everything, headers=headers).raise_for_status()
    httpx.post(f"{at.mem0_url}/_settle").raise_for_status()
    remember(system)
    answer = httpx.post(
        at.client_data_url,
        json=example("client-data request"),
        headers={"X-Workspace-Key": at.workspace_key},
        timeout=30,
    )
    assert answer.status_code == 200
    assert alike(example("client-data response"), answer.json()), answer.json()


def test_example_of_retrieve(system: System) -> None:
    remember(system)
    request = example("retrieve request")
    for body in (request, {"parameters": request}):
        answer = httpx.post(system.endpoints.retrieve_url, json=body, timeout=30)
        assert answer.status_code == 200
        best = {"memories": answer.json()["memories"][:1]}
        assert alike(example("retrieve response"), best), answer.json()


def test_example_of_post_call(system: System) -> None:
    at = system.endpoints
    raw = json.dumps(example("post-call request")).encode()
    signature = sign(raw, at.hmac_key, int(time.time()))
    headers = {"ElevenLabs-Signature": signature, "Content-Type": "application/json"}
    answer = httpx.post(at.post_call_url, content=raw, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()) == (200, example("post-call response"))


def test_settings_are_all_there_with_their_defaults() -> None:
    table = README.partition("<!-- settings -->")[2]
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (.*?) \|", table, re.MULTILINE)
    shown = {key: default.strip("`").replace("empty", "") for key, default in rows}
    real = vars(Settings.from_context({}))
    written = {key: value if isinstance(value, str) else json.dumps(value) for key, value in real.items()}
    assert shown == written


def test_files_that_are_linked_exist() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
