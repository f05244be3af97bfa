"""The reliability matrix behind `make faults`: breaks the running system on purpose, and counts.

One module a section of docs/reliability.md, each with `run(progress, options) -> Section`. What they share is
in `rig` (a system and its callers) and `report` (the tables).
"""
