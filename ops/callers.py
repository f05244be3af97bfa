"""Whom an operator means by a number: the caller as the functions know them."""

import hashlib
from collections.abc import Mapping, Sequence

from ops.deployment import Deployment
from ops.errors import cannot_start
from ops.mem0 import checked
from shared.errors import InvalidRequestError


def identify(deployment: Deployment, spelled: str) -> str:
    """The user id of the caller that `spelled` means in this stage: a number in any spelling, or a user id.

    Raises:
        OperatorError: if it names nobody, everybody, or many people.
    """
    known = deployment.environment.callers
    try:
        user_id = known.of_phone_or_web(spelled, "CALLER")
    except InvalidRequestError:
        user_id = None
    if user_id is None:
        raise cannot_start(
            f"{spelled!r} is no caller: it is withheld, shared by many people, or no possible number",
            "write the number with its country: +16125550142; shared numbers are a setting of the stage",
        )
    if user_id.isdecimal() and user_id != spelled.strip():  # a web user's id is not written in groups
        raise cannot_start(
            f"{spelled!r} is a number without its country, and the stage has no default_country_code",
            f"write it with its country, such as +1{user_id}, or without spaces if it is a web user's id",
        )
    return checked(user_id)


def digest(user_id: str) -> str:
    """What the ledger holds of a caller."""
    return hashlib.sha256(checked(user_id).encode()).hexdigest()


def conversation_filters(user_id: str) -> Sequence[Mapping[str, str]]:
    """The filters of ElevenLabs that find a caller's calls: one for each place where the caller may stand."""
    called_or_calling = ("caller_id", "called_number")  # the agent may have called
    variables = [f"system__{name}:eq:{user_id}" for name in called_or_calling]
    return [{"user_id": user_id}, *({"dynamic_variable_params": variable} for variable in variables)]
