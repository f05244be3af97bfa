"""What the synthesized template deploys: functions, APIs, queues, table, secret.

The template is the only source: a timeout, a reservation or a route that changes in `stacks/` changes here.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloudformation import TemplateError, references, resolve
from local.lambda_host import FunctionSpec, Throttle
from local.lambda_host.model import ACCOUNT, REGION
from local.synth import Assembly

QUEUE_ATTRIBUTES = (
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "MaximumMessageSize",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
)


@dataclass(frozen=True, kw_only=True)
class Api:
    """One HttpApi: the function behind it, its routes ("POST /retrieve") and its stage's throttling."""

    function: str
    routes: tuple[str, ...]
    throttle: Throttle | None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One SQS queue: CreateQueue's attributes, and the logical id of its dead-letter queue."""

    logical_id: str
    name: str
    attributes: Mapping[str, str]
    dead_letters: str | None
    maximum_receives: int | None

    @property
    def arn(self) -> str:
        """The queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """One DynamoDB table, with the arguments of CreateTable."""

    logical_id: str
    name: str
    key_schema: list[dict[str, str]]
    attributes: list[dict[str, str]]
    ttl_attribute: str | None


@dataclass(frozen=True, kw_only=True)
class EventSourceMapping:
    """One event source mapping: the queue's logical id and the function's name."""

    queue: str
    function: str
    batch_size: int
    maximum_concurrency: int
    partial_failures: bool


class Template:
    """Reads one synthesized stack.

    Raises:
        TemplateError: (by each property and method) something is missing or not understood; it says what.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._resources: Mapping[str, Mapping[str, Any]] = assembly.template["Resources"]

    @property
    def queues(self) -> list[Queue]:
        """All queues, dead-letter queues before those that use them."""
        found = []
        for logical_id, properties in self._of_type("AWS::SQS::Queue"):
            fifo = ".fifo" if properties.get("FifoQueue") in (True, "true") else ""
            given = {name: properties[name] for name in QUEUE_ATTRIBUTES if name in properties}
            policy = properties.get("RedrivePolicy", {})
            target = policy.get("deadLetterTargetArn")
            queue = Queue(
                logical_id=logical_id,
                name=str(properties.get("QueueName") or self._generated(logical_id, 70) + fifo),
                attributes={name: resolve(value, {}, logical_id) for name, value in given.items()},
                dead_letters=self._target(target, logical_id) if target else None,
                maximum_receives=int(policy["maxReceiveCount"]) if policy else None,
            )
            found.append(queue)
        return sorted(found, key=lambda queue: queue.dead_letters is not None)

    @property
    def tables(self) -> list[Table]:
        """All DynamoDB tables."""
        return [
            Table(
                logical_id=logical_id,
                name=str(properties.get("TableName") or self._generated(logical_id, 255)),
                key_schema=self._need(properties, "KeySchema", logical_id),
                attributes=self._need(properties, "AttributeDefinitions", logical_id),
                ttl_attribute=properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
            )
            for logical_id, properties in self._of_type("AWS::DynamoDB::Table")
        ]

    @property
    def secret_name(self) -> str:
        """The name of the secret that the functions read, from their CREDENTIALS_SECRET."""
        for _, properties in self._of_type("AWS::Lambda::Function"):
            name = properties.get("Environment", {}).get("Variables", {}).get("CREDENTIALS_SECRET")
            if name is not None:
                return resolve(name, {}, "CREDENTIALS_SECRET")
        raise TemplateError("no function has the environment variable CREDENTIALS_SECRET")

    @property
    def apis(self) -> list[Api]:
        """All HTTP APIs, in the template's order."""
        return [self._api(logical_id) for logical_id, _ in self._of_type("AWS::ApiGatewayV2::Api")]

    @property
    def mapping(self) -> EventSourceMapping:
        """The event source mapping from SQS. AWS's defaults: ten messages a batch, concurrency unbounded."""
        found = list(self._of_type("AWS::Lambda::EventSourceMapping"))
        if len(found) != 1:
            raise TemplateError(f"there are {len(found)} event source mappings; the local system runs one")
        ((logical_id, properties),) = found
        return EventSourceMapping(
            queue=self._target(self._need(properties, "EventSourceArn", logical_id), logical_id),
            function=self._function_name(properties, "FunctionName", logical_id),
            batch_size=int(properties.get("BatchSize", 10)),
            maximum_concurrency=int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", 1000)),
            partial_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
        )

    def functions(self, values: Mapping[str, str]) -> list[FunctionSpec]:
        """Return all functions, with CloudFormation's defaults; `values` are `AwsServices.create`'s."""
        values = {"AWS::StackName": self._assembly.stack, **values}
        found = []
        for logical_id, properties in self._of_type("AWS::Lambda::Function"):
            handler = self._need(properties, "Handler", logical_id)
            variables = properties.get("Environment", {}).get("Variables", {})
            log_group = properties.get("LoggingConfig", {}).get("LogGroup")
            spec = FunctionSpec(
                name=name_of(handler),
                handler=handler,
                code=self._code(properties, logical_id),
                environment={
                    name: resolve(value, values, f"{logical_id}, variable {name}")
                    for name, value in variables.items()
                },
                timeout_seconds=float(properties.get("Timeout", 3)),
                memory_mb=int(properties.get("MemorySize", 128)),
                reserved_concurrency=properties.get("ReservedConcurrentExecutions"),
                snap_start=properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
                log_group=self._log_group(log_group, logical_id) if log_group else "",
            )
            found.append(spec)
        return found

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self._assembly.stack

    @property
    def topics(self) -> dict[str, str]:
        """The SNS topics: names by logical id."""
        return {logical_id: str(topic["TopicName"]) for logical_id, topic in self._of_type("AWS::SNS::Topic")}

    @property
    def subscriptions(self) -> list[tuple[str, str, str]]:
        """Who is told what: the topic's logical id, the protocol, the endpoint."""
        return [
            (str(subscription["TopicArn"]["Ref"]), subscription["Protocol"], subscription["Endpoint"])
            for _, subscription in self._of_type("AWS::SNS::Subscription")
        ]

    def outputs(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the stack's outputs, without those that refer to what has no counterpart on this machine."""
        found = {}
        for name, output in self._assembly.template.get("Outputs", {}).items():
            with suppress(TemplateError):
                found[name] = resolve(output["Value"], values, f"output {name}")
        return found

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for logical_id, resource in self._resources.items():
            if resource["Type"] == kind:
                yield logical_id, resource.get("Properties", {})

    def _api(self, api: str) -> Api:
        routes = self._parts_of(api, "AWS::ApiGatewayV2::Route")
        stages = self._parts_of(api, "AWS::ApiGatewayV2::Stage")
        targets = {self._target(self._need(route, "Target", api), api) for route in routes}
        if len(targets) != 1 or len(stages) != 1:
            raise TemplateError(
                f"{api} has {len(targets)} integrations behind its routes and {len(stages)} stages; "
                "the local system runs one of each"
            )
        integration = targets.pop()
        settings = stages[0].get("DefaultRouteSettings", {})
        rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
        return Api(
            function=self._function_name(
                self._resources[integration].get("Properties", {}), "IntegrationUri", integration
            ),
            routes=tuple(route["RouteKey"] for route in routes),
            throttle=None if rate is None or burst is None else Throttle(rate=float(rate), burst=int(burst)),
        )

    def _parts_of(self, api: str, kind: str) -> list[Mapping[str, Any]]:
        return [part for _, part in self._of_type(kind) if part.get("ApiId") == {"Ref": api}]

    def _function_name(self, properties: Mapping[str, Any], name: str, where: str) -> str:
        """Follow a property, through an alias or a version if need be, to a function's local name."""
        logical_id = self._target(self._need(properties, name, where), where)
        resource = self._resources[logical_id]
        if resource["Type"] in {"AWS::Lambda::Alias", "AWS::Lambda::Version"}:
            return self._function_name(resource["Properties"], "FunctionName", logical_id)
        if resource["Type"] != "AWS::Lambda::Function":
            raise TemplateError(f"{where}: {logical_id} is a {resource['Type']}, not a function")
        return name_of(self._need(resource["Properties"], "Handler", logical_id))

    def _target(self, value: Any, where: str) -> str:
        """Return the one resource that a value refers to."""
        found = {name for name in references(value) if name in self._resources}
        if len(found) != 1:
            raise TemplateError(f"{where}: {value!r} does not refer to one resource of the stack")
        return found.pop()

    def _log_group(self, value: Any, logical_id: str) -> str:
        properties = self._resources[self._target(value, logical_id)]["Properties"]
        return str(self._need(properties, "LogGroupName", logical_id))

    def _code(self, properties: Mapping[str, Any], logical_id: str) -> Path:
        key = self._need(self._need(properties, "Code", logical_id), "S3Key", logical_id)
        folder = self._assembly.code_folders.get(str(key).removesuffix(".zip"))
        if folder is None or not folder.is_dir():
            raise TemplateError(f"{logical_id}: its code asset {key} is not a folder on this machine")
        return folder.resolve()

    def _generated(self, logical_id: str, limit: int) -> str:
        return f"{self._assembly.stack}-{logical_id}"[:limit]

    def _need(self, properties: Mapping[str, Any], name: str, where: str) -> Any:
        if name not in properties:
            raise TemplateError(f"{where} has no {name}")
        return properties[name]


def name_of(handler: str) -> str:
    """Return a function's local name: "post-call" for the handler post_call.handler.lambda_handler."""
    return handler.split(".", 1)[0].replace("_", "-")
