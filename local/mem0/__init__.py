"""A stand-in for Mem0 Cloud: the HTTP API that the unchanged `mem0.MemoryClient` speaks.

It has no language model, so it says nothing about how well Mem0 Cloud extracts facts.
"""
