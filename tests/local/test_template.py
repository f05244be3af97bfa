"""Reading the project's own template, and what is said of one that lacks something."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from local.cloudformation import TemplateError, resolve
from local.lambda_host import Throttle
from local.synth import Assembly, synthesize
from local.template import Queue, Table, Template, name_of

REAL = ("client-data", "retrieve", "post-call")
Resources = dict[str, dict[str, Any]]
Read = Callable[[Resources], Template]


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return synthesize()


@pytest.fixture
def resources(assembly: Assembly) -> Resources:
    """The resources of the template, to be changed."""
    return copy.deepcopy(dict(assembly.template["Resources"]))


@pytest.fixture
def read(assembly: Assembly) -> Read:
    def template_of(resources: Resources) -> Template:
        folders = assembly.code_folders
        return Template(Assembly(stack="Stack", template={"Resources": resources}, code_folders=folders))

    return template_of


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def values_of(template: Template) -> dict[str, str]:
    values: dict[str, str] = {}
    parts: list[Queue | Table] = [*template.queues, *template.tables]
    for part in parts:
        values |= {part.logical_id: part.name, f"{part.logical_id}.Arn": f"arn of {part.name}"}
    return values


def test_functions_are_read_with_their_references_resolved(assembly: Assembly) -> None:
    template = Template(assembly)
    functions = {spec.name: spec for spec in template.functions(values_of(template))}
    assert tuple(functions) == REAL
    calls = next(queue for queue in template.queues if queue.dead_letters)
    worker = functions["post-call"]
    assert worker.environment["CALL_QUEUE_URL"] == calls.name
    assert worker.environment["LEDGER_TABLE"] == template.tables[0].name
    assert worker.handler == "post_call.handler.lambda_handler"
    assert all((spec.code / spec.handler.partition(".")[0]).is_dir() for spec in functions.values())
    assert {spec.reserved_concurrency for spec in functions.values()} == {10}


def test_missing_properties_have_cloudformations_defaults(resources: Resources, read: Read) -> None:
    for properties in of_type(resources, "AWS::Lambda::Function"):
        for name in ("Timeout", "MemorySize", "ReservedConcurrentExecutions", "Environment"):
            properties.pop(name)
    for spec in read(resources).functions({}):
        assert (spec.timeout_seconds, spec.memory_mb, spec.reserved_concurrency) == (3.0, 128, None)


def test_apis_have_a_route_each_and_their_throttling(resources: Resources, read: Read) -> None:
    for stage in of_type(resources, "AWS::ApiGatewayV2::Stage"):
        stage["DefaultRouteSettings"] = {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    apis = read(resources).apis
    assert [(api.function, api.routes) for api in apis] == [(name, (f"POST /{name}",)) for name in REAL]
    assert {api.throttle for api in apis} == {Throttle(rate=50.0, burst=100)}


def test_queues_table_and_mapping_are_read(resources: Resources, read: Read) -> None:
    template = read(resources)
    dead, calls = template.queues
    assert (dead.dead_letters, calls.dead_letters) == (None, dead.logical_id)
    assert calls.name.endswith(".fifo")
    assert calls.arn == f"arn:aws:sqs:us-east-1:123456789012:{calls.name}"
    assert calls.attributes["FifoQueue"] == "true"
    assert template.tables[0].ttl_attribute
    assert (template.mapping.queue, template.mapping.function) == (calls.logical_id, "post-call")
    assert template.mapping.partial_failures


def test_snapstart_is_read_and_its_alias_followed() -> None:
    template = Template(synthesize({"snap_start": True}))
    snapped = {spec.name for spec in template.functions(values_of(template)) if spec.snap_start}
    assert snapped == {"client-data", "retrieve"}
    assert [api.function for api in template.apis] == list(REAL)


@pytest.mark.parametrize(
    ("kind", "removed", "words"),
    [
        ("AWS::Lambda::Function", "Handler", "has no Handler"),
        ("AWS::Lambda::Function", "Code", "has no Code"),
        ("AWS::ApiGatewayV2::Route", "ApiId", "has 0 integrations"),
        ("AWS::DynamoDB::Table", "KeySchema", "has no KeySchema"),
        ("AWS::Lambda::EventSourceMapping", "EventSourceArn", "has no EventSourceArn"),
    ],
)
def test_what_is_missing_is_named(
    resources: Resources, read: Read, kind: str, removed: str, words: str
) -> None:
    values = values_of(read(resources))
    for properties in of_type(resources, kind):
        del properties[removed]
    with pytest.raises(TemplateError, match=words):
        read_all(read(resources), values)


def read_all(template: Template, values: dict[str, str]) -> object:
    return template.functions(values), template.apis, template.queues, template.tables, template.mapping


def test_missing_secret_name_and_code_are_named(resources: Resources, read: Read) -> None:
    for properties in of_type(resources, "AWS::Lambda::Function"):
        del properties["Environment"]["Variables"]["CREDENTIALS_SECRET"]
        properties["Code"]["S3Key"] = "abc.zip"
    with pytest.raises(TemplateError, match="CREDENTIALS_SECRET"):
        _ = read(resources).secret_name
    with pytest.raises(TemplateError, match=r"its code asset abc.zip is not a folder"):
        read(resources).functions(values_of(read(resources)))


def test_unknown_reference_is_named_with_its_place(assembly: Assembly) -> None:
    with pytest.raises(TemplateError, match=r"variable CALL_QUEUE_URL: refers to .*, which has no local"):
        Template(assembly).functions({})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Q", "Arn"]}, "ARN"),
        ({"Fn::Sub": "${AWS::StackName}-${Q.Arn}-${!kept}"}, "S-ARN-${kept}"),
        ({"Fn::Join": ["/", [{"Ref": "Q"}, 1]]}, "URL/1"),
    ],
    ids=json.dumps,
)
def test_functions_of_cloudformation(value: object, text: str) -> None:
    assert resolve(value, {"Q": "URL", "Q.Arn": "ARN", "AWS::StackName": "S"}, "here") == text


@pytest.mark.parametrize("value", [{"Fn::ImportValue": "x"}, None, ["a"], {"Fn::Select": [0, ["a"]]}])
def test_unknown_function_is_an_error(value: object) -> None:
    with pytest.raises(TemplateError, match="here: the local system cannot work out"):
        resolve(value, {}, "here")


def test_local_name_comes_from_the_handlers_package() -> None:
    assert name_of("client_data.handler.lambda_handler") == "client-data"
