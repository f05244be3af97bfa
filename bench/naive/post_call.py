"""The naive way to take in a finished call: check it, store it twice, then answer. See client_data.py."""

import hashlib
import hmac
import json
import os
from typing import Any

import boto3
from mem0 import MemoryClient

secrets = boto3.client("secretsmanager")
secret = json.loads(secrets.get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET"])["SecretString"])
memory = MemoryClient(api_key=secret["MEM0_API_KEY"], host=os.environ["MEM0_HOST"])


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one post-call webhook, when both memories are stored."""
    timestamp, _, given = event["headers"].get("elevenlabs-signature", "").partition(",")
    signed = f"{timestamp.removeprefix('t=')}.{event['body']}".encode()
    expected = hmac.new(secret["ELEVENLABS_HMAC_KEY"].encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given, f"v0={expected}"):
        return {"statusCode": 401, "body": json.dumps({"error": "wrong signature"})}
    data = json.loads(event["body"])["data"]
    messages = [
        {"role": "assistant" if turn["role"] == "agent" else "user", "content": turn["message"]}
        for turn in data["transcript"]
        if turn.get("message")
    ]
    about = {"conversation_id": data["conversation_id"], "agent_id": data["agent_id"]}
    memory.add(messages, user_id=data["user_id"], metadata={"type": "factual", **about})
    memory.add(messages, user_id=data["user_id"], metadata={"type": "semantic", **about}, infer=False)
    return {"statusCode": 200, "body": json.dumps({"status": "stored"})}
