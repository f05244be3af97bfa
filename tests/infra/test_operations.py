"""docs/operations.md: its queries use fields that are logged, and what it names exists."""

import ast
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from stacks.http_api import ACCESS_LOG
from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed
from tests.infra.test_metrics import WRITTEN

TEXT = (ROOT / "docs" / "operations.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
ALARMS = TEXT.partition("\n## Alarms\n")[2].partition("\n## ")[0] + "\n##"
QUERIES = [block for block in BLOCKS if re.match(r"(fields|filter|stats) ", block)]
# What the functions, Lambda itself and API Gateway's access log write.
LOGGED = {"message", "level", "reason", "status", "operation", "user_id", "conversation_id", "duration_ms"}
LOGGED |= {"@timestamp", "@log", "type", "errorType", "errorMessage", "record.status", "record.errorType"}
LOGGED |= set(ACCESS_LOG).union(*WRITTEN.values())
LANGUAGE = {"fields", "filter", "stats", "sort", "by", "asc", "desc", "and", "or", "like"}
LANGUAGE |= {"ispresent", "count", "sum", "pct", "bin"}


OPS = sorted((ROOT / "ops").rglob("*.py"))
OTHER_ACTIONS = {"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility"}


def policy() -> dict[str, list[str]]:
    """The actions of the documented policy, by resource."""
    (text,) = re.findall(r"<!-- policy -->\n```json\n(.*?)\n```", TEXT, re.DOTALL)
    statements = json.loads(text)["Statement"]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {
        statement["Resource"]: [statement["Action"]]
        if isinstance(statement["Action"], str)
        else statement["Action"]
        for statement in statements
    }


def operations() -> dict[str, str]:
    """The IAM action of each boto3 method, of the services that the commands use."""
    session = boto3.Session(region_name="us-east-1")
    services = set(re.findall(r"""client\("([a-z]+)"\)""", "".join(map(Path.read_text, OPS))))
    found: dict[str, str] = {}
    for service in services:
        for name in session.client(service).meta.service_model.operation_names:
            action = f"{service}:{name}"
            found[xform_name(name)] = OTHER_ACTIONS.get(action, action)
    return found


def called(tree: ast.AST, known: dict[str, str]) -> set[str]:
    """The actions of the boto3 methods that a module calls; a workspace has secrets of its own."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = ast.unparse(node.func.value)
            names = [node.func.attr, *(arg.value for arg in node.args if isinstance(arg, ast.Constant))]
            name = names[1] if names[0] == "get_paginator" else names[0]
            if "workspace" not in of and name in known:
                found.add(known[name])
    return found


def test_policy_allows_what_the_commands_call_and_nothing_else() -> None:
    known = operations()
    wanted = set().union(*(called(ast.parse(path.read_text()), known) for path in OPS))
    allowed = [action for actions in policy().values() for action in actions]
    assert sorted(allowed) == sorted(wanted)


def test_policy_names_the_resources_of_the_stack(deployed: Deployed) -> None:
    outputs = deployed.raw["Outputs"]
    names = {
        "sqs": [queue.properties["QueueName"] for queue in deployed.all("SQS::Queue")],
        "sns": [topic.properties["TopicName"] for topic in deployed.all("SNS::Topic")],
        "dynamodb": [f"table/AgenticMemory-prod-{outputs['LedgerTable']['Value']['Ref']}-1A2B3C"],
        "logs": ["log-group:/aws/lambda/agentic-memory-prod-client-data:*"],
        "cloudformation": ["stack/AgenticMemory-prod/0a1b"],
        "secretsmanager": ["secret:agentic-memory/credentials-a1B2c3"],
    }
    for resource in policy():
        if resource != "*":
            service = resource.split(":")[2]
            for name in names.pop(service):
                assert fnmatchcase(f"arn:aws:{service}:eu-north-1:123456789012:{name}", resource), name
    assert not names


@pytest.mark.parametrize("query", QUERIES)
def test_query_uses_fields_that_are_logged(query: str) -> None:
    words = re.sub(r'"[^"]*"|/[^/]*/|\b[0-9]+[mh]?\b', " ", query)
    assert set(re.findall(r"@?[A-Za-z_][\w.]*", words)) <= LOGGED | LANGUAGE


def test_every_alarm_section_says_what_happened_how_to_see_it_and_what_to_do(deployed: Deployed) -> None:
    sections = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", ALARMS, re.DOTALL | re.MULTILINE))
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


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_anchors_lead_to_headings(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([\w./-]*)#([^)]+)\)", page.read_text()):
        if "://" not in target:
            linked = (page.parent / target if target else page).read_text()
            headings = {
                re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", linked, re.MULTILINE)
            }
            assert anchor in headings, f"{target}#{anchor}"
