"""Looks at everything that the memory of calls depends on, and says what is wrong and what to do."""

from ops.doctor.findings import CHECKS, Check, Finding, Status
from ops.doctor.stack import check_stack
from ops.doctor.workspace import agents_in_file, check_workspace

__all__ = ["CHECKS", "Check", "Finding", "Status", "agents_in_file", "check_stack", "check_workspace"]
