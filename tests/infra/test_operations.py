"""docs/operations.md: its queries use fields that are logged, and the resources it names exist."""

import json
import re

import pytest

from stacks.http_api import ACCESS_LOG
from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed
from tests.infra.test_metrics import WRITTEN

TEXT = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
QUERIES = [block for block in BLOCKS if re.match(r"(fields|filter|stats) ", block)]
# What the functions, Lambda itself and API Gateway's access log write.
LOGGED = {"message", "level", "reason", "status", "operation", "user_id", "conversation_id", "duration_ms"}
LOGGED |= {"@timestamp", "@log", "type", "errorType", "errorMessage", "record.status", "record.errorType"}
LOGGED |= set(ACCESS_LOG).union(*WRITTEN.values())
LANGUAGE = {"fields", "filter", "stats", "sort", "by", "asc", "desc", "and", "or", "like"}
LANGUAGE |= {"ispresent", "count", "sum", "pct", "bin"}


@pytest.mark.parametrize("query", QUERIES)
def test_query_uses_fields_that_are_logged(query: str) -> None:
    words = re.sub(r'"[^"]*"|/[^/]*/|\b[0-9]+[mh]?\b', " ", query)
    assert set(re.findall(r"@?[A-Za-z_][\w.]*", words)) <= LOGGED | LANGUAGE


def test_every_alarm_section_says_what_happened_how_to_see_it_and_what_to_do(deployed: Deployed) -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE))
    descriptions = [alarm.properties["AlarmDescription"] for alarm in deployed.all("CloudWatch::Alarm")]
    kinds = {text.partition("docs/operations.md, section ")[2].removesuffix(".") for text in descriptions}
    assert sections.keys() == kinds
    for kind, text in sections.items():
        for part in ("**What happened.**", "**How to see it.**", "**What to do.**", "```\n"):
            assert part in text, f"{kind} has no {part}"


def test_resources_that_are_named_exist(deployed: Deployed) -> None:
    written = json.dumps(deployed.raw)
    for name in re.findall(
        r"/aws/[a-z/-]*agentic-memory-prod-[a-z<>-]+(?:/access)?|agentic-memory-prod-[a-z-]+\b", TEXT
    ):
        assert f'"{name.replace("<function>", "retrieve")}' in written, name


def test_anchors_lead_to_headings() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
