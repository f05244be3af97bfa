"""What the parts of a connection work with: the record of earlier runs, and changes still to make."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.records import Records
from ops.secret import Secret
from ops.workspace import Workspace

RECORD = "connect"
NEW = "(new)"
"""Stands in a plan for the id of something that is not made yet."""


@dataclass(frozen=True)
class Change:
    """One thing that changes: where, from what, to what. None stands for nothing."""

    what: str
    before: Any
    after: Any

    def as_line(self) -> str:
        """The change as a line of a diff."""
        if self.before is None:
            return f"+ {self.what}: {self.after}"
        if self.after is None:
            return f"- {self.what}: {self.before}"
        return f"~ {self.what}: {self.before} -> {self.after}"


class Context:
    """A stage, a workspace, and the record of what was done to connect them.

    Attributes:
        record: what earlier runs noted; `note` adds to it.
        ids: of the webhook, the secret and the tool, as soon as a part has looked for its own.
    """

    def __init__(self, deployment: Deployment, workspace: Workspace) -> None:
        self.deployment = deployment
        self.workspace = workspace
        self.secret = Secret(deployment, deployment.environment.credentials_secret)
        self.ids: dict[str, str] = {}
        self._records = Records(deployment)
        self.record: dict[str, Any] = self._records.read(RECORD)

    def note(self, **changes: Any) -> None:
        """Keep `changes` in the record, before anything else happens."""
        self.record |= changes
        self._records.write(RECORD, self.record)

    def note_ids(self) -> None:
        """Keep the ids of what was found: a run that was killed may have made it and not noted it."""
        found = {f"{kind}_id": id_ for kind, id_ in self.ids.items() if id_ != NEW}
        if any(self.record.get(name) != id_ for name, id_ in found.items()):
            self.note(**found)

    def forget(self) -> None:
        """Nothing is connected any more; only which old signing keys are still valid is kept."""
        retired = self.record.get("retired")
        self.record.clear()
        if retired:
            self.note(retired=retired)
        else:
            self._records.delete(RECORD)


class Part(Protocol):
    """One part of a connection."""

    title: str

    def to_make(self) -> list[Change]:
        """What has to change for this part to be as it should; nothing if it is."""

    def make(self) -> None:
        """Make it so."""

    def to_undo(self) -> list[Change]:
        """What has to change for it to be as it was before."""

    def undo(self) -> None:
        """Put that back."""


@dataclass(frozen=True)
class Exactly:
    """A wanted object that must have nothing else in it. Empty values count as nothing."""

    value: Mapping[str, Any] = field(default_factory=dict)


def differences(where: str, found: Any, wanted: Any) -> Iterator[Change]:
    """Where `found` lacks or differs from `wanted`; what is beyond it counts only in `Exactly`."""
    exactly = isinstance(wanted, Exactly)
    wanted = wanted.value if isinstance(wanted, Exactly) else wanted
    if not isinstance(wanted, Mapping):
        if found != wanted and (found or wanted or wanted == ""):  # an empty placeholder is one
            yield Change(where, found, wanted)
        return
    there: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    for name, value in wanted.items():
        yield from differences(f"{where}.{name}", there.get(name), value)
    for name in there.keys() - wanted.keys() if exactly else ():
        if there[name]:
            yield Change(f"{where}.{name}", there[name], None)


def fingerprint(value: str) -> str:
    """A short digest of a random key, by which it is recognized without being kept."""
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def only_one(ids: Sequence[str], what: str, known: str | None) -> str | None:
    """The one of `ids` that is ours; None if there is none.

    Args:
        ids: of everything that bears our name.
        what: they are, for a person.
        known: the id that an earlier run noted.

    Raises:
        OperatorError: if there are several, and none is the one that is known.
    """
    if known in ids:
        return known
    if len(ids) > 1:
        raise OperatorError(
            f"the workspace has {len(ids)} {what}: {', '.join(sorted(ids))}",
            remedy="delete all but one in ElevenLabs, and run this again",
        )
    return ids[0] if ids else None


Say = Callable[[str], None]
