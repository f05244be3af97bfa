"""docs/operations.md: its queries, names and commands are those of what is really deployed and logged."""

import ast
import functools
import re

import pytest

from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed

TEXT = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
QUERIES = [each for each in BLOCKS if re.match(r"(fields|filter) ", each)]
# What Lambda itself and API Gateway's access log write.
GIVEN = {"@timestamp", "@log", "level", "message", "requestId", "errorType", "errorMessage", "type", "bin"}
GIVEN |= {"record.status", "record.errorType", "ispresent", "count", "pct", "sum", "stats", "sort", "fields"}
GIVEN |= {"filter", "by", "and", "or", "asc", "desc", "like", "m", "platform"}


@functools.cache
def literals() -> frozenset[str]:
    """Every string, keyword and name of a parameter in lambdas/."""
    found: set[str] = set()
    for path in (ROOT / "lambdas").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.keyword | ast.arg) and node.arg:
                found.add(node.arg)
    return frozenset(found)


@pytest.mark.parametrize("query", QUERIES)
def test_query_asks_for_lines_and_fields_that_are_written(query: str, deployed: Deployed) -> None:
    known = literals()
    for message in re.findall(r'message = "(.*?)"', query):
        assert message in known, message
    for stage in deployed.all("ApiGatewayV2::Stage"):
        known |= set(re.findall(r'"(\w+)":', stage.properties["AccessLogSettings"]["Format"]))
    words = re.sub(r'"[^"]*"|/[^/]*/|\b[0-9]+m?\b', " ", query)
    assert set(re.findall(r"@?[A-Za-z_][\w.]*", words)) <= known | GIVEN


def test_there_is_a_query_for_each_alarm() -> None:
    sections = re.findall(r"^### (\S+)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE)
    assert len(sections) == 8
    for name, text in sections:
        for part in ("**What happened.**", "**How to see it.**", "**What to do.**", "```\n"):
            assert part in text, f"{name} has no {part}"


def test_resources_that_are_named_exist(deployed: Deployed) -> None:
    properties = [str(each.properties) for type_ in deployed.types for each in deployed.all(type_[5:])]
    for name in re.findall(
        r"/aws/[a-z/-]*agentic-memory-prod-[a-z<>-]+(?:/access)?|agentic-memory-prod-[a-z-]+\b", TEXT
    ):
        real = name.replace("<function>", "retrieve")
        assert any(f"'{real}'" in each or f"'{real}" in each for each in properties), name


def test_anchors_lead_to_headings() -> None:
    headings = {
        re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-")
        for each in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
