"""The whole deployment, as a table of contents: what there is, and who may use what.

How each part is built is in the module of its name. It refuses to hold secrets: the credentials are a name
here, and their values are read at run time.
"""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.alarms import Alarms
from stacks.built import LAYER, built_code
from stacks.call_queue import CallQueue, Ledger
from stacks.dashboard import Dashboard
from stacks.endpoint import Endpoint, Runtime
from stacks.layer import Mem0Layer
from stacks.settings import Settings

LAMBDAS = Path(__file__).resolve().parent.parent / "lambdas"
PYTHON = "3.13"


class MemoryStack(cdk.Stack):
    """AgenticMemory for one stage: `AgenticMemory-{stage}`."""

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
        credentials = secretsmanager.Secret.from_secret_name_v2(
            self, "Credentials", settings.credentials_secret
        )
        runtime = _runtime(self, settings)
        answer, work = (
            cdk.Duration.seconds(each) for each in (settings.answer_seconds, settings.worker_seconds)
        )

        client_data = Endpoint(
            self,
            "ClientData",
            name="client-data",
            description="Before the call: tells the agent who is calling and what is remembered",
            settings=settings,
            runtime=runtime,
            timeout=answer,
            environment=_environment(settings) | _prompt_environment(settings),
            snap_start=settings.snap_start,
        )
        retrieve = Endpoint(
            self,
            "Retrieve",
            name="retrieve",
            description="During the call: searches the caller's memories",
            settings=settings,
            runtime=runtime,
            timeout=answer,
            environment=_environment(settings) | {"RETRIEVE_AUTH": settings.retrieve_auth},
            snap_start=settings.snap_start,
        )
        post_call = Endpoint(
            self,
            "PostCall",
            name="post-call",
            description="After the call: queues the transcript, and works the queue off into Mem0",
            settings=settings,
            runtime=runtime,
            timeout=work,
            environment=_environment(settings) | _storing_environment(settings),
        )

        queue = CallQueue(self, "CallQueue", stage=settings.stage, worker_timeout=work)
        ledger = Ledger(self, "Ledger")

        endpoints = (client_data, retrieve, post_call)
        for endpoint in endpoints:
            endpoint.allow(
                "ReadCredentials", ["secretsmanager:GetSecretValue"], f"{credentials.secret_arn}-??????"
            )
        queue.feed(post_call, max_concurrency=settings.worker_concurrency)
        ledger.open_to(post_call)

        alarms = Alarms(self, "Alarms", settings=settings, endpoints=endpoints, queue=queue)
        Dashboard(self, "Dashboard", settings=settings, endpoints=endpoints, queue=queue, alarms=alarms)

        self._outputs(
            ClientDataUrl=client_data.url,
            RetrieveUrl=retrieve.url,
            PostCallUrl=post_call.url,
            CallQueueUrl=queue.calls.queue_url,
            DeadLetterQueueUrl=queue.dead_letters.queue_url,
            LedgerTable=ledger.table.table_name,
            AlarmTopicArn=alarms.topic.topic_arn,
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            cdk.CfnOutput(self, name, value=value)


def _runtime(stack: cdk.Stack, settings: Settings) -> Runtime:
    """The Python, the code and the layer that the three functions share."""
    architecture = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}[
        settings.architecture
    ]
    return Runtime(
        python=lambda_.Runtime(f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True),
        architecture=architecture,
        code=built_code(
            LAMBDAS,
            LAYER / "functions.py",
            "--python",
            PYTHON,
            exclude=("**/__pycache__", "**/*.pyc", "**/.*_cache", "**/.DS_Store"),
        ),
        layer=Mem0Layer(stack, "Mem0Layer", architecture=architecture, python=PYTHON),
    )


def _environment(settings: Settings) -> dict[str, str]:
    """What every function needs to know."""
    return {
        "MEM0_DIR": "/tmp/.mem0",  # noqa: S108 -- nowhere else may a function write, and mem0 must
        "MEM0_TELEMETRY": "False",
        "MEM0_HOST": settings.mem0_host,
        "MEM0_SEARCH_LIMIT": str(settings.search_limit),
        "MEM0_TIMEOUT": str(settings.mem0_timeout_seconds),
        "CREDENTIALS_SECRET": settings.credentials_secret,
        "DEFAULT_COUNTRY_CODE": settings.default_country_code,
        "SHARED_NUMBERS": settings.shared_numbers,
    }


def _prompt_environment(settings: Settings) -> dict[str, str]:
    """What ClientData alone needs to know."""
    return {
        "PROMPT_MODE": settings.prompt_mode,
        "ON_MEMORY_FAILURE": settings.on_memory_failure,
        "CONTEXT_CHARACTERS": str(settings.context_characters),
    }


def _storing_environment(settings: Settings) -> dict[str, str]:
    """What PostCall alone needs to know. An empty number of days is for ever."""
    return {
        "STORE_TYPES": settings.store_types,
        "FACTUAL_RETENTION_DAYS": str(settings.factual_retention_days or ""),
        "SEMANTIC_RETENTION_DAYS": str(settings.semantic_retention_days or ""),
    }
