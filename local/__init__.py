"""The whole of AgenticMemory on one machine: what AWS, Mem0 Cloud and ElevenLabs do, next to the code that deploys.

Nothing here is deployed, and nothing in `stacks`, `lambdas` or `layer` imports it.
"""
