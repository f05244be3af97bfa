"""The least that a Python function with httpx does: the limit that ours is held against."""

import httpx

client = httpx.Client()


def lambda_handler(event: object, _context: object) -> object:
    """Answer with what came."""
    return event
