"""The naive ClientData, the baseline of `make bench`: what mem0's and boto3's quick starts lead to."""

import hmac
import json
import os
from typing import Any

import boto3
from mem0 import MemoryClient

secrets = boto3.client("secretsmanager")
secret = json.loads(secrets.get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET"])["SecretString"])
# The host is the stand-in's; nothing else differs from `MemoryClient(api_key=...)`.
memory = MemoryClient(api_key=secret["MEM0_API_KEY"], host=os.environ["MEM0_HOST"])


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one conversation-initiation webhook."""
    key = event["headers"].get("x-workspace-key", "")
    if not hmac.compare_digest(key, secret["ELEVENLABS_WORKSPACE_KEY"]):
        return {"statusCode": 401, "body": json.dumps({"error": "wrong key"})}
    caller = json.loads(event["body"])["caller_id"]
    memories: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = memory.get_all(filters={"user_id": caller}, page=page)
        memories += answer["results"]
        if not answer["next"]:
            break
        page += 1
    context = "\n".join(f"- {row['memory']}" for row in memories)
    body = {
        "type": "conversation_initiation_client_data",
        "dynamic_variables": {
            "caller_id": caller,
            "memory_count": str(len(memories)),
            "memory_context": context,
            "returning_caller": "yes" if memories else "no",
        },
        "conversation_config_override": {
            "agent": {"prompt": {"prompt": f"You are a helpful assistant.\n{context}"}}
        },
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
