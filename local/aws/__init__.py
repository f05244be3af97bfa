"""Secrets Manager, SQS and DynamoDB on one machine, over real HTTP: moto in a process of its own.

`server` is that process; `services` starts it and creates what the template says.
"""
