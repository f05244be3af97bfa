"""CloudFormation's functions (Ref, Fn::GetAtt, Fn::Join, Fn::Sub), as far as our template uses them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.lambda_host.model import ACCOUNT, REGION

PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class TemplateError(ValueError):
    """The template lacks, or has, what the local system cannot run. The message says what and where."""


def resolve(  # noqa: PLR0911 - one return for each function of CloudFormation
    value: Any, values: Mapping[str, str], where: str
) -> str:
    """Return a value as text; `values` says what a Ref ("Queue") and a GetAtt ("Queue.Arn") stand for.

    Raises:
        TemplateError: it uses another function, or a resource that is not among `values`; with `where`.
    """

    def of(name: str) -> str:
        try:
            return (PSEUDO_PARAMETERS | dict(values))[name]
        except KeyError:
            raise TemplateError(f"{where}: refers to {name}, which has no local counterpart") from None

    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case {"Ref": str(name)}:
            return of(name)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return of(f"{name}.{attribute}")
        case {"Fn::Join": [str(glue), list(parts)]}:
            return glue.join(resolve(part, values, where) for part in parts)
        case {"Fn::Sub": str(pattern)}:
            return PLACEHOLDER.sub(lambda found: of(found[1]), pattern).replace("${!", "${")
    raise TemplateError(f"{where}: the local system cannot work out {value!r}")


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value refers to, however deep they stand."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(pattern)}:
            yield from (name.partition(".")[0] for name in PLACEHOLDER.findall(pattern))
        case dict():
            for part in value.values():
                yield from references(part)
        case list():
            for part in value:
                yield from references(part)
