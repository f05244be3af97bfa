"""The naive way to answer the agent's tool: see client_data.py."""

import json
import os
from typing import Any

import boto3
from mem0 import MemoryClient

secrets = boto3.client("secretsmanager")
secret = json.loads(secrets.get_secret_value(SecretId=os.environ["CREDENTIALS_SECRET"])["SecretString"])
memory = MemoryClient(api_key=secret["MEM0_API_KEY"], host=os.environ["MEM0_HOST"])


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one tool call."""
    body = json.loads(event["body"])
    found = memory.search(body["query"], filters={"user_id": body["user_id"]}, top_k=3)["results"]
    memories = [
        {
            "memory": row["memory"],
            "type": (row.get("metadata") or {}).get("type", "factual"),
            "date": row["created_at"][:10],
            "score": row["score"],
        }
        for row in found
    ]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"memories": memories}),
    }
