"""The functions' settings, which the stack writes into their environment.

The stack has checked them. Each has a default, so that a handler also runs with nothing but credentials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.caller import CallerIds

_TYPES = ("factual", "semantic")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The settings of a function. Times are in seconds; an empty string stands for what is not set."""

    variables: Mapping[str, str]
    """The environment itself: AWS's own variables, and credentials that stand in it."""
    credentials_secret: str
    """Name or ARN of the secret."""
    credentials_cache: float
    """How long the secret's values are used before it is read again."""
    mem0_host: str
    mem0_timeout: float
    """Deadline of a whole call to Mem0."""
    callers: CallerIds
    memories_of_others: str
    """Of a call whose collected name differs from the newest: `omit` or `attribute`."""

    # ClientData
    context_characters: int
    """Length of the memories in the prompt at most."""
    prompt_mode: str
    """`override` replaces the agent's prompt, `variable` only fills `{{memory_context}}`."""
    on_memory_failure: str
    """Without Mem0, `fail` answers 500 and `continue` as for an unknown caller."""

    # Retrieve
    search_limit: int
    """Memories that are returned at most."""
    retrieve_auth: str
    """`call_token` requires the token that ClientData gave out for this call, `none` does not."""

    # PostCall
    call_queue_url: str
    dead_letter_queue_url: str
    ledger_table: str
    store_types: tuple[str, ...]
    """The types of memories that a call leaves."""
    no_consent: tuple[tuple[str, str], ...]
    """Collected fields and the values that mean that the call is not to be remembered."""
    keep_spoken: frozenset[str]
    """Classes of secrets that are not replaced."""
    retention_days: Mapping[str, int]
    """By type, the days from the call after which a memory expires; a type that is missing never does."""
    tries: int
    """How often a call is tried before it is moved to the dead-letter queue."""
    retry_delays: tuple[int, ...]
    """How long a call waits after its first, second, ... failure."""
    claim_seconds: int
    """How long a worker owns a conversation: longer than the function may run."""

    @classmethod
    def parse(cls, variables: Mapping[str, str]) -> Self:
        """The settings in `variables`.

        Raises:
            ValueError: naming the variable whose value is not allowed.
        """
        read = _Reader(variables)
        shared_numbers = read.text("SHARED_NUMBERS").split(",")
        types = read.choice("STORE_TYPES", "both", *_TYPES)
        days = {kind: read.text(f"{kind.upper()}_RETENTION_DAYS") for kind in _TYPES}
        return cls(
            variables=variables,
            credentials_secret=read.text("CREDENTIALS_SECRET"),
            credentials_cache=read.number("CREDENTIALS_CACHE_SECONDS", 300, 1, 3600),
            mem0_host=read.text("MEM0_HOST") or "https://api.mem0.ai",
            mem0_timeout=read.number("MEM0_TIMEOUT", 5, 0.1, 60),
            callers=CallerIds(read.text("DEFAULT_COUNTRY_CODE"), filter(None, shared_numbers)),
            memories_of_others=read.choice("MEMORIES_OF_OTHERS", "omit", "attribute"),
            context_characters=int(read.number("CONTEXT_CHARACTERS", 6000, 1000, 50_000)),
            prompt_mode=read.choice("PROMPT_MODE", "override", "variable"),
            on_memory_failure=read.choice("ON_MEMORY_FAILURE", "fail", "continue"),
            search_limit=int(read.number("MEM0_SEARCH_LIMIT", 3, 1, 20)),
            retrieve_auth=read.choice("RETRIEVE_AUTH", "none", "call_token"),
            call_queue_url=read.text("CALL_QUEUE_URL"),
            dead_letter_queue_url=read.text("DEAD_LETTER_QUEUE_URL"),
            ledger_table=read.text("LEDGER_TABLE"),
            store_types=_TYPES if types == "both" else (types,),
            no_consent=read.pairs("NO_CONSENT"),
            keep_spoken=frozenset(filter(None, read.text("KEEP_SPOKEN").split(","))),
            retention_days={
                kind: int(read.number(f"{kind.upper()}_RETENTION_DAYS", 1, 1, 36_500))
                for kind in _TYPES
                if days[kind]
            },
            tries=int(read.number("TRIES", 5, 1, 100)),
            retry_delays=read.numbers("RETRY_DELAYS", (5, 60, 300, 1200), most=43_200),
            claim_seconds=int(read.number("CLAIM_SECONDS", 60, 1, 900)),
        )


class _Reader:
    """Reads variables with their bounds. An empty variable is one that is not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str) -> str:
        return self._variables.get(name, "")

    def number(self, name: str, default: float, least: float, most: float) -> float:
        text = self.text(name)
        try:
            value = float(text) if text else default
        except ValueError:
            raise ValueError(f"{name} must be a number, not {text!r}") from None
        if not least <= value <= most:
            raise ValueError(f"{name} must be from {least} to {most}, not {text}")
        return value

    def numbers(self, name: str, default: tuple[int, ...], *, most: int) -> tuple[int, ...]:
        text = self.text(name)
        values = text.split(",") if text else []
        if not all(value.isdecimal() and int(value) <= most for value in values):
            raise ValueError(
                f"{name} must be whole numbers up to {most} with commas between them, not {text!r}"
            )
        return tuple(map(int, values)) or default

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        pairs = [pair.partition("=") for pair in self.text(name).split(",") if pair.strip()]
        if not all(field.strip() and value.strip() for field, _, value in pairs):
            raise ValueError(f"{name} must be pairs such as consent_given=false, with commas between them")
        return tuple((field.strip(), value.strip()) for field, _, value in pairs)

    def choice(self, name: str, default: str, *others: str) -> str:
        value = self.text(name) or default
        if value not in (default, *others):
            raise ValueError(f"{name} must be one of {', '.join((default, *others))}, not {value!r}")
        return value
