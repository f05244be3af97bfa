"""Connects a deployed stage to an ElevenLabs workspace, and puts back what was there before.

A connection is made of parts, in an order in which a call in between never fails. Each part says what has to
change, changes it, and is read back: so a second run has nothing to do, and one that was killed is finished
by the next. What was there before is recorded before it is changed.
"""

from ops.connect.connection import Connection, Scope
from ops.connect.rotation import Which, next_step, rotate
from ops.connect.state import Change, Context

__all__ = ["Change", "Connection", "Context", "Scope", "Which", "next_step", "rotate"]
