"""The whole deployment: its parts, the environment of the functions, and what they may use."""

import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.alarms import Alarms
from stacks.bundling import LAYER, bundled_code
from stacks.call_queue import TRIES, CallQueue
from stacks.dashboard import Dashboard
from stacks.endpoint import Endpoint, Runtime
from stacks.layer import Mem0Layer
from stacks.ledger import Ledger
from stacks.settings import Settings

LAMBDAS = Path(__file__).resolve().parent.parent / "lambdas"
PYTHON = "3.13"


class MemoryStack(cdk.Stack):
    """AgenticMemory for one stage: `AgenticMemory-{stage}`.

    It holds no secret: the credentials are a name here, and the functions read their values.
    """

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        """Compose the stack from checked settings."""
        super().__init__(
            scope,
            f"AgenticMemory-{settings.stage}",
            description=f"AgenticMemory ({settings.stage}): voice agents that remember their callers",
            tags={"project": "agentic-memory", "stage": settings.stage},
            analytics_reporting=False,  # the template holds what is deployed and nothing else
        )
        # CDK names a function's role as a reference and again as a dependency; cfn-lint warns of that alone.
        self.template_options.metadata = {"cfn-lint": {"config": {"ignore_checks": ["W3005"]}}}
        runtime = _runtime(self, settings)
        answer_timeout = cdk.Duration.seconds(settings.answer_seconds)
        worker_timeout = cdk.Duration.seconds(settings.worker_seconds)
        throttle = apigateway.ThrottleSettings(
            rate_limit=settings.throttle_rate, burst_limit=settings.throttle_burst
        )

        queue = CallQueue(self, "CallQueue", stage=settings.stage, worker_timeout=worker_timeout)
        ledger = Ledger(self, "Ledger")
        client_data = Endpoint(
            self,
            "ClientData",
            name="client-data",
            description="Before the call: tells the agent who is calling and what is remembered",
            settings=settings,
            runtime=runtime,
            timeout=answer_timeout,
            throttle=throttle,
            environment=_environment(settings) | _before_the_call(settings),
            snap_start=settings.snap_start,
        )
        retrieve = Endpoint(
            self,
            "Retrieve",
            name="retrieve",
            description="During the call: searches the caller's memories",
            settings=settings,
            runtime=runtime,
            timeout=answer_timeout,
            throttle=apigateway.ThrottleSettings(
                rate_limit=settings.retrieve_throttle_rate or settings.throttle_rate,
                burst_limit=settings.retrieve_throttle_burst or settings.throttle_burst,
            ),
            environment=_environment(settings) | _during_the_call(settings),
            snap_start=settings.snap_start,
        )
        post_call = Endpoint(
            self,
            "PostCall",
            name="post-call",
            description="After the call: queues the transcript, and remembers it in Mem0",
            settings=settings,
            runtime=runtime,
            timeout=worker_timeout,
            throttle=throttle,
            environment={
                **_environment(settings),
                **_after_the_call(settings),
                "CALL_QUEUE_URL": queue.calls.queue_url,
                "DEAD_LETTER_QUEUE_URL": queue.dead_letters.queue_url,
                "LEDGER_TABLE": ledger.table.table_name,
            },
        )
        queue.add_worker(post_call.function, max_concurrency=settings.worker_concurrency)

        # Only the actions that are used: grant_send_messages, grant_read_data and the like add others.
        for endpoint in (client_data, retrieve, post_call):
            for statement in _read_credentials(self, settings):
                endpoint.role.add_to_policy(statement)
        queue.calls.grant(
            post_call.role,
            "sqs:SendMessage",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        )
        queue.dead_letters.grant(post_call.role, "sqs:SendMessage")
        ledger.table.grant(post_call.role, "dynamodb:GetItem", "dynamodb:UpdateItem")

        endpoints = {endpoint.name: endpoint for endpoint in (client_data, retrieve, post_call)}
        alarms = Alarms(self, "Alarms", settings=settings, endpoints=endpoints, queue=queue)
        Dashboard(self, "Dashboard", settings=settings, endpoints=endpoints, queue=queue, alarms=alarms)
        for name, value in {
            "ClientDataUrl": client_data.url,
            "RetrieveUrl": retrieve.url,
            "PostCallUrl": post_call.url,
            "CallQueueUrl": queue.calls.queue_url,
            "DeadLetterQueueUrl": queue.dead_letters.queue_url,
            "LedgerTable": ledger.table.table_name,
            "AlarmTopicArn": alarms.topic.topic_arn,
            # What the operator's commands need to do things as the functions do.
            "Environment": json.dumps(
                _environment(settings)
                | _before_the_call(settings)
                | _during_the_call(settings)
                | _after_the_call(settings)
            ),
        }.items():
            cdk.CfnOutput(self, name, value=value)


def _runtime(stack: cdk.Stack, settings: Settings) -> Runtime:
    """The Python, the code and the layer that the three functions share."""
    architecture = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}[
        settings.architecture
    ]
    return Runtime(
        python=lambda_.Runtime(f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True),
        architecture=architecture,
        code=bundled_code(
            LAMBDAS,
            LAYER / "functions.py",
            "--python",
            PYTHON,
            exclude=("**/__pycache__", "**/*.pyc", "**/.*_cache", "**/.DS_Store"),
        ),
        layer=Mem0Layer(stack, "Mem0Layer", architecture=architecture, python=PYTHON),
    )


def _environment(settings: Settings) -> dict[str, str]:
    """The environment variables of every function."""
    return {
        "MEM0_DIR": "/tmp/.mem0",  # noqa: S108 -- mem0 must write, and a function can write nowhere else
        "MEM0_TELEMETRY": "False",
        "MEM0_HOST": settings.mem0_host,
        "MEM0_SEARCH_LIMIT": str(settings.search_limit),
        "MEM0_TIMEOUT": str(settings.mem0_timeout_seconds),
        "CREDENTIALS_SECRET": settings.credentials_secret,
        "DEFAULT_COUNTRY_CODE": settings.default_country_code,
        "SHARED_NUMBERS": settings.shared_numbers,
    }


def _before_the_call(settings: Settings) -> dict[str, str]:
    return {
        "PROMPT_MODE": settings.prompt_mode,
        "ON_MEMORY_FAILURE": settings.on_memory_failure,
        "CONTEXT_CHARACTERS": str(settings.context_characters),
        "MEMORIES_OF_OTHERS": settings.memories_of_others,
    }


def _during_the_call(settings: Settings) -> dict[str, str]:
    return {"RETRIEVE_AUTH": settings.retrieve_auth, "MEMORIES_OF_OTHERS": settings.memories_of_others}


def _after_the_call(settings: Settings) -> dict[str, str]:
    return {
        "TRIES": str(TRIES),
        "STORE_TYPES": settings.store_types,
        # An empty number of days is forever.
        "FACTUAL_RETENTION_DAYS": str(settings.factual_retention_days or ""),
        "SEMANTIC_RETENTION_DAYS": str(settings.semantic_retention_days or ""),
        "NO_CONSENT": settings.no_consent,
        "KEEP_SPOKEN": settings.keep_spoken,
    }


def _read_credentials(stack: cdk.Stack, settings: Settings) -> list[iam.PolicyStatement]:
    """What reading the secret takes: the secret, and its key if it is a customer managed one."""
    secret = f"secret:{settings.credentials_secret}-??????"  # Secrets Manager adds six characters
    statements = [
        iam.PolicyStatement(
            actions=["secretsmanager:GetSecretValue"],
            resources=[
                stack.format_arn(
                    service="secretsmanager", resource=secret, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
                )
            ],
        )
    ]
    if settings.credentials_key_arn:
        via = f"secretsmanager.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        statements.append(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=[settings.credentials_key_arn],
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )
    return statements
