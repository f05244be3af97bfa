"""The filters of the list of conversations, as SQL over the columns of the store."""

from collections.abc import Mapping

from local.elevenlabs.errors import InvalidRequestError
from local.elevenlabs.store import Condition

OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
NUMERIC = ("gt", "gte", "lt", "lte")
EXACT = ("branch_id", "version_id", "conversation_initiation_source", "call_successful")
VARIABLES = "$.conversation_initiation_client_data.dynamic_variables."


def conditions(query: Mapping[str, list[str]]) -> list[Condition]:
    """The conditions that a query's filters mean; names that are no filters are ignored.

    Raises:
        InvalidRequestError: a filter's value is of the wrong kind.
    """
    found: list[Condition] = []
    for name in ("agent_id", "user_id"):
        found += [(f"{name} = ?", [value]) for value in query.get(name, [])[-1:]]
    for name, operator in (("call_start_after_unix", ">="), ("call_start_before_unix", "<=")):
        found += [(f"start {operator} ?", [_number(name, value)]) for value in query.get(name, [])[-1:]]
    for name in EXACT:
        found += [(f"json_extract(summary, '$.{name}') = ?", [value]) for value in query.get(name, [])[-1:]]
    if statuses := query.get("exclude_statuses"):
        found.append((f"json_extract(summary, '$.status') NOT IN ({_marks(statuses)})", statuses))
    if reasons := query.get("termination_reasons"):
        found.append((f"json_extract(summary, '$.termination_reason') IN ({_marks(reasons)})", reasons))
    if tools := query.get("tool_names"):
        names = "json_each(summary, '$.tool_names')"
        found.append((f"EXISTS (SELECT 1 FROM {names} WHERE value IN ({_marks(tools)}))", tools))  # noqa: S608
    found += [_variable(value) for value in query.get("dynamic_variable_params", [])]
    return found


def _variable(parameter: str) -> Condition:
    """A condition on a dynamic variable: `name:op:value`; of `in`, the values are separated by commas."""
    name, _, rest = parameter.partition(":")
    operator, _, value = rest.partition(":")
    path = f'{VARIABLES}"{name}"'
    if not name or '"' in name or operator not in (*OPERATORS, "in"):
        raise _invalid("dynamic_variable_params", "expected name:op:value")
    if operator == "in":
        values = value.split(",")
        return f"CAST(json_extract(body, ?) AS TEXT) IN ({_marks(values)})", [path, *values]
    kind = "REAL" if operator in NUMERIC else "TEXT"
    return f"CAST(json_extract(body, ?) AS {kind}) {OPERATORS[operator]} CAST(? AS {kind})", [path, value]


def _number(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise _invalid(name, "not a number") from None


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _invalid(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError({"loc": ["query", name], "msg": message, "type": "value_error"})
