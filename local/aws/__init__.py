"""Secrets Manager, SQS and DynamoDB on this machine: moto in a process of its own."""
