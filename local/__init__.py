"""The whole of AgenticMemory on one machine: the code that deploys, and stand-ins for all that is around it.

Nothing here is deployed, and nothing in `stacks`, `lambdas` or `layer` imports it.
"""
