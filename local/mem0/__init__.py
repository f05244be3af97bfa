"""A stand-in for Mem0 Cloud: the HTTP interface that the unchanged ``mem0.MemoryClient`` speaks.

It exists so that the whole system runs and is tested without an account. It has no language model: for
``infer=true`` it keeps the caller's own sentences as facts, which is enough to develop against and says
nothing about the quality of Mem0's own extraction. It refuses to be reachable from outside unless told to,
and it never speaks to any other machine.
"""
