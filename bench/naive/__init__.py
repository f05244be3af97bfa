"""The baseline of bench/performance.py: mem0 and boto3 as their first pages show them."""
