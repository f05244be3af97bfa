"""A synthesised template as tests read it: ids without their hash, references as "<CallQueueCalls.Arn>"."""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, with its readable id, its references as text, and its deletion policy."""

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
                depends_on=[_readable(dependency) for dependency in body.get("DependsOn", [])],
            )
            for logical_id, body in template["Resources"].items()
        ]

    @property
    def types(self) -> set[str]:
        """The types of all resources."""
        return {resource.type for resource in self._resources}

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs' values by name."""
        return {name: _text(output["Value"]) for name, output in self.raw.get("Outputs", {}).items()}

    def all(self, type_: str) -> list[Resource]:
        """Every resource of a type, "Lambda::Function"."""
        return [resource for resource in self._resources if resource.type == f"AWS::{type_}"]

    def of(self, owner: str, type_: str) -> Resource:
        """The only resource of a type that belongs to a construct: ("Retrieve", "Lambda::Function")."""
        found = [resource for resource in self.all(type_) if resource.id.startswith(owner)]
        assert len(found) == 1, f"{owner} has {len(found)} of {type_}"
        return found[0]

    def named(self, id_: str) -> Resource:
        """The resource with a readable id, such as "CallQueueCalls"."""
        return next(resource for resource in self._resources if resource.id == id_)

    def statements(self, owner: str) -> list[dict[str, Any]]:
        """The statements of the only policy of an endpoint's role."""
        found: list[dict[str, Any]] = self.of(owner, "IAM::Policy").properties["PolicyDocument"]["Statement"]
        return found

    def grants(self, owner: str) -> dict[str, list[str]]:
        """The resources of each action that the role of an endpoint allows without a condition."""
        found: dict[str, list[str]] = {}
        for statement in self.statements(owner):
            assert statement["Effect"] == "Allow"
            for action in _as_list(statement["Action"]) if "Condition" not in statement else []:
                found.setdefault(action, []).extend(_as_list(statement["Resource"]))
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
            return {key: _text(item) for key, item in value.items()}
        case list():
            return [_text(item) for item in value]
    return value
