"""Isolation: hostile ids at all three endpoints, and a Mem0 that returns other people's memories.

What reached Mem0 is read from the stand-in's request log.
"""

import json
import re
from typing import Any

from bench.common.calls import caller, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import OK, FaultRig

_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}|[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_VICTIM = "+15550100777"
_TOLD = "the spare key lies under the blue flowerpot"
IDS: dict[str, Any] = {
    '"*"': "*",
    "a wildcard within": "+1555*",
    "an object": {"ne": "x"},
    "an operator": {"in": [_VICTIM]},
    "a list": [_VICTIM],
    "a number": 15550100777,
    "true": True,
    "null": None,
    "nested JSON in a string": json.dumps({"OR": [{"user_id": _VICTIM}]}),
    "full-width digits": "\uff0b\uff11\uff15\uff15\uff15\uff10\uff11\uff10\uff10\uff17\uff17\uff17",
    "Arabic digits": "+\u0661\u0665\u0665\u0665\u0660\u0661\u0660\u0660\u0667\u0667\u0667",
    "a Cyrillic letter O for a zero": "+1555\u041e100777",
    "10,000 characters": "+1" + "5" * 9_998,
    "a NUL at the end": "+1 (555) 010-0100\u0000",
    "a line feed within": f"{_VICTIM}\n*",
    "a bidi override": f"\u202e{_VICTIM}",
    "a lone surrogate": "+1555\ud800",
    "an SQL fragment": "' OR '1'='1",
    "a path": "../../users/1",
    "an empty string": "",
}
_CLIENT_FAULT = range(400, 500)


def run(progress: Progress) -> Section:
    """Try each id at each door."""
    section = Section(
        title="Isolation",
        how=(
            "A victim has a memory. Each id goes to all three functions; the figures are what they answered."
            " *Reached Mem0*: ids in its requests that are not a plain, checked string. *Leaked*: answers"
            " that hold the victim's words. 200 means that the id is anonymous, or a spelling of a number."
        ),
    )
    with FaultRig(visibility_timeout=8, progress=progress) as rig:
        rig.deliver(make_call(_VICTIM, said=(f"Remember that {_TOLD}.",)))
        rig.drained(30)
        for words, given in IDS.items():
            _try(section, rig, words, given)
        progress("isolation: hostile ids done")
        _foreign_rows(section, rig)
    return section


def _try(section: Section, rig: FaultRig, words: str, given: object) -> None:
    rig.mem0("DELETE", "/_requests")
    event = json.loads(make_call(caller(1)).body)
    event["data"]["metadata"]["phone_call"]["external_number"] = given
    event["data"]["conversation_initiation_client_data"]["dynamic_variables"]["system__caller_id"] = given
    replies = [
        rig.look_up(given),
        rig.retrieve(given, "where is the spare key"),
        rig.post(json.dumps(event).encode(), retry_enabled=False).last,
    ]
    rig.drained(30)
    odd = [one for one in _ids(rig.mem0("GET", "/_requests")) if not _is_plain(one) or one == _VICTIM]
    leaked = sum(_TOLD in reply.text for reply in replies)
    statuses = [reply.status for reply in replies]
    figures = dict(zip(("ClientData", "Retrieve", "PostCall"), map(str, replies), strict=True))
    right = all(status == OK or status in _CLIENT_FAULT for status in statuses)
    section.add(
        words,
        {**figures, "reached Mem0": len(odd), "leaked": leaked},
        passed=right and not odd and not leaked,
    )


def _ids(requests: list[dict[str, Any]]) -> list[object]:
    """The user ids that stand in requests to Mem0, whatever their type and however deep."""
    found: list[object] = []

    def note(value: dict[str, object]) -> dict[str, object]:
        found.extend(held for name, held in value.items() if name == "user_id")
        return value

    json.loads(
        json.dumps([(request.get("body"), request.get("query")) for request in requests]), object_hook=note
    )
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None


def _foreign_rows(section: Section, rig: FaultRig) -> None:
    """Mem0 puts three rows of another user first into each answer."""
    mine = rig.calls(1)[0]
    rig.deliver(mine)
    rig.drained(30)
    foreign = "This memory belongs to somebody else."
    with rig.faults({"operation": ["get_all", "search"], "foreign_rows": 3, "foreign_memory": foreign}):
        replies = [rig.look_up(mine.user_id), rig.retrieve(mine.user_id, "Juniper")]
    leaked = sum("somebody else" in reply.text for reply in replies)
    own = sum("Juniper" in reply.text for reply in replies)
    metrics = sum(len(rig.logged('"ForeignRows": 3', name)) for name in ("client-data", "retrieve"))
    section.add(
        "Mem0 returns three rows of another user",
        {"ClientData": str(replies[0]), "Retrieve": str(replies[1]), "leaked": leaked},
        passed=not leaked and own == len(replies) and metrics == len(replies),
        remark=f"the caller's own memories are there; the alarm metric was raised {metrics} times",
    )
