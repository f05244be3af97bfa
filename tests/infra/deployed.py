"""Reads a synthesised template the way the tests speak of it.

Logical ids lose their hash, and references become text such as "<CallQueueCalls.Arn>", so that a test can
write down what it expects in one readable line.
"""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, with its readable id, its references as text, and what becomes of it on deletion."""

    id: str
    type: str
    properties: dict[str, Any]
    deletion: str | None
    depends_on: list[str]


class Deployed:
    """A template, readable."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.raw = template
        self._resources = [
            Resource(
                id=_readable(logical_id),
                type=body["Type"],
                properties=_text(body.get("Properties", {})),
                deletion=body.get("DeletionPolicy"),
                depends_on=[_readable(each) for each in body.get("DependsOn", [])],
            )
            for logical_id, body in template["Resources"].items()
        ]

    @property
    def types(self) -> set[str]:
        """The types of all resources."""
        return {each.type for each in self._resources}

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs' values by name."""
        return {name: _text(output["Value"]) for name, output in self.raw.get("Outputs", {}).items()}

    def all(self, type_: str) -> list[Resource]:
        """Every resource of a type, "Lambda::Function"."""
        return [each for each in self._resources if each.type == f"AWS::{type_}"]

    def of(self, owner: str, type_: str) -> Resource:
        """The only resource of a type that belongs to a construct: ("Retrieve", "Lambda::Function")."""
        found = [each for each in self.all(type_) if each.id.startswith(owner)]
        assert len(found) == 1, f"{owner} has {len(found)} of {type_}"
        return found[0]

    def named(self, id_: str) -> Resource:
        """The resource with a readable id, such as "CallQueueCalls"."""
        return next(each for each in self._resources if each.id == id_)

    def allowed(self, owner: str) -> dict[tuple[str, ...], list[str]]:
        """What the role of an endpoint may do: the actions of each statement, and their resources."""
        statements = self.of(owner, "IAM::Policy").properties["PolicyDocument"]["Statement"]
        assert all(each["Effect"] == "Allow" and "Condition" not in each for each in statements)
        found = {
            (each.get("Sid", "-"), *_as_list(each["Action"])): _as_list(each["Resource"])
            for each in statements
        }
        assert len(found) == len(statements), "two statements look alike, and one of them would be hidden"
        return found


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _readable(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def _text(value: Any) -> Any:
    """A value with its references as text."""
    match value:
        case {"Ref": str(name)}:
            return f"<{name if name.startswith('AWS::') else _readable(name)}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{_readable(name)}.{attribute}>"
        case {"Fn::Join": [str(glue), list(parts)]}:
            return glue.join(str(_text(part)) for part in parts)
        case dict():
            return {key: _text(each) for key, each in value.items()}
        case list():
            return [_text(each) for each in value]
    return value
