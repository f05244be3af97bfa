"""CloudFormation's functions (Ref, Fn::GetAtt, Fn::Join, Fn::Sub, ...) worked out against local resources.

It knows what an AgenticMemory template uses. Anything else is an error that names it, never a guess.
"""

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


class TemplateError(ValueError):
    """The template lacks, or has, what the local system cannot run. The message says what and where."""


class Resolver:
    """Works out values.

    Args:
        values: what a Ref ("CallQueue") and a GetAtt ("CallQueue.Arn") stand for, on top of the pseudo
            parameters.
        stack: the stack's name.
    """

    def __init__(self, values: Mapping[str, str], stack: str) -> None:
        self._values = {**PSEUDO, "AWS::StackName": stack, **values}

    def text(  # noqa: C901, PLR0911 - one case for each function of CloudFormation
        self, value: Any, where: str
    ) -> str:
        """Return a value as text, as an environment variable needs it.

        Raises:
            TemplateError: it uses a function or a resource that is not known; `where` is in the message.
        """
        match value:
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case int() | float():
                return str(value)
            case {"Ref": str(name)}:
                return self._value(name, where)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._value(f"{name}.{attribute}", where)
            case {"Fn::GetAtt": str(both)}:
                return self._value(both, where)
            case {"Fn::Join": [str(glue), list(parts)]}:
                return glue.join(self.text(part, where) for part in parts)
            case {"Fn::Sub": str(pattern)}:
                return self._substitute(pattern, {}, where)
            case {"Fn::Sub": [str(pattern), dict(names)]}:
                return self._substitute(pattern, names, where)
            case {"Fn::Select": [index, parts]}:
                return self.texts(parts, where)[int(index)]
        raise TemplateError(f"{where}: the local system does not know how to work out {value!r}")

    def texts(self, value: Any, where: str) -> list[str]:
        """Return a list of texts: a plain list or Fn::Split."""
        match value:
            case list():
                return [self.text(part, where) for part in value]
            case {"Fn::Split": [str(separator), whole]}:
                return self.text(whole, where).split(separator)
        raise TemplateError(f"{where}: the local system does not know how to work out the list {value!r}")

    def _value(self, name: str, where: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            raise TemplateError(f"{where}: refers to {name}, which has no local counterpart") from None

    def _substitute(self, pattern: str, names: Mapping[str, Any], where: str) -> str:
        def one(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            return self.text(names[name], where) if name in names else self._value(name, where)

        return re.sub(r"\$\{([^}]+)\}", one, pattern)
