"""The faults that only Mem0 can have: rows of another user, and extractions that fail or are late."""

from local.faults import FaultRule

FOREIGN_USER = "+15550100999"
FOREIGN_MEMORY = "This memory belongs to somebody else."
EXTRACTION = "infer"  # the operation of an extraction, which is no request


class Mem0Rule(FaultRule):
    """A rule of the stand-in.

    Attributes:
        infer: only adds with this `infer`.
        foreign_rows, foreign_user, foreign_memory: put so many rows of another user first among `results`.
        fail: for the operation `infer`: the extraction's event ends as FAILED.
    """

    infer: bool | None = None
    foreign_rows: int = 0
    foreign_user: str = FOREIGN_USER
    foreign_memory: str = FOREIGN_MEMORY
    fail: bool = False
