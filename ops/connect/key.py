"""The workspace key as a secret of the ElevenLabs workspace, for the header of the initiation webhook."""

from ops.connect.state import NEW, Change, Context, fingerprint, only_one
from ops.errors import OperatorError


class KeySecret:
    """The secret. ElevenLabs never shows a value again, so a fingerprint of it is recorded."""

    title = "the workspace key, as a secret in ElevenLabs"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._name = f"agentic_memory_{context.deployment.stage.replace('-', '_')}_workspace_key"

    def to_make(self) -> list[Change]:
        """See `Part`."""
        found = self._find()
        if not found:
            return [Change(f"secret {self._name}", None, "the workspace key")]
        if self._context.record.get("key_fingerprint") != fingerprint(self._key()):
            return [Change(f"secret {self._name}", "another value", "the workspace key")]
        return []

    def make(self) -> None:
        """See `Part`."""
        workspace, key = self._context.workspace, self._key()
        if found := self._find():
            workspace.update_secret(found, name=self._name, value=key)
        else:
            found = workspace.create_secret(self._name, key)
        self._context.note(secret_id=found, key_fingerprint=fingerprint(key))

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        return [Change(f"secret {self._name}", "the workspace key", None)] if self._find() else []

    def undo(self) -> None:
        """See `Part`."""
        if found := self._find():
            self._context.workspace.delete_secret(found)

    def _find(self) -> str | None:
        named = [id_ for id_, name in self._context.workspace.secrets().items() if name == self._name]
        found = only_one(named, f"secrets named {self._name}", self._context.record.get("secret_id"))
        self._context.ids["secret"] = found or NEW
        return found

    def _key(self) -> str:
        keys = self._context.secret.keys("ELEVENLABS_WORKSPACE_KEY")
        if not keys:
            raise OperatorError(
                f"ELEVENLABS_WORKSPACE_KEY is missing in the secret {self._context.secret.name}",
                remedy="run `amem secret` first",
            )
        return keys[0]
