"""What `make run` shows: one caller's two calls through the whole system, or a call that a user has saved."""

from local.demo.saved_call import deliver_file
from local.demo.two_calls import run_demo

__all__ = ["deliver_file", "run_demo"]
