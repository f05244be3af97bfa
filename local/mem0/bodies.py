"""What a request may carry, checked as strictly as Mem0 does."""

import json
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints, ValidationError

from local.mem0.errors import invalid
from local.mem0.filters import ENTITIES, Where, all_of, compile_filters, condition
from local.mem0.store import Draft
from local.validation import problem

LARGEST_PAGE = 200
MOST_RESULTS = 1000

Text = Annotated[str, StringConstraints(pattern=r"\S")]
Day = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"),
    AfterValidator(lambda text: date.fromisoformat(text).isoformat()),
]
# What datetime can hold: years 1 to 9999.
UnixSeconds = Annotated[float, Field(ge=-62_135_596_800, lt=253_402_300_800)]
BodyT = TypeVar("BodyT", bound="Body")


class Body(BaseModel):
    """A JSON object of which some fields are checked; null counts as left out."""

    model_config = ConfigDict(strict=True, extra="ignore")

    @classmethod
    def check(cls, body: dict[str, Any]) -> Self:
        """Read the body of a request.

        Raises:
            ApiError: 400 naming the first field that is missing or wrong.
        """
        try:
            return cls.model_validate({name: value for name, value in body.items() if value is not None})
        except ValidationError as error:
            raise invalid(problem(error)) from None


class Message(Body):
    """One message of an add."""

    role: Literal["user", "assistant", "system"]
    content: str


class Add(Body):
    """The body of `POST /v3/memories/add/`."""

    messages: Annotated[list[Message], Field(min_length=1)]
    user_id: Text | None = None
    agent_id: Text | None = None
    app_id: Text | None = None
    run_id: Text | None = None
    metadata: dict[str, Any] = {}
    infer: bool = True
    timestamp: UnixSeconds | None = None
    expiration_date: Day | None = None
    custom_instructions: str | None = None

    def draft(self) -> Draft:
        """A memory without its text: whose it is, with which metadata, and when it was made.

        Raises:
            ApiError: 400 if it has no entity id.
        """
        entities = {name: value for name in ENTITIES if (value := getattr(self, name))}
        if not entities:
            raise invalid("at least one of user_id, agent_id, app_id, run_id is required to add memories")
        created = datetime.now(UTC).timestamp() if self.timestamp is None else self.timestamp
        return Draft("", entities, self.metadata, created, self.expiration_date)


class Listing(Body):
    """The body of `POST /v3/memories/`; `page` and `page_size` may stand in the query string as well."""

    filters: Any = None
    page: Annotated[int, Strict(strict=False), Field(ge=1, le=10**9)] = 1
    page_size: Annotated[int, Strict(strict=False), Field(ge=1, le=LARGEST_PAGE)] = 100
    show_expired: bool = False
    metadata: Any = None

    def where(self) -> Where:
        """The filters, and what else narrows the request: metadata and expiry.

        Raises:
            ApiError: 400 if the filters are not scoped to an entity or not understood.
        """
        parts = [compile_filters(self.filters)]
        if self.metadata:
            parts.append(condition("metadata", self.metadata))
        if not self.show_expired:
            today = datetime.now(UTC).date().isoformat()
            parts.append(Where("expiration_date IS NULL OR expiration_date >= ?", [today]))
        return all_of(parts)


class Search(Listing):
    """The body of `POST /v3/memories/search/`."""

    query: Text
    top_k: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = 10
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.1
    rerank: bool = False


def refuse_entities(body: dict[str, Any]) -> None:
    """Check that no entity id stands outside of the filters.

    Raises:
        ApiError: 400 naming those that do.
    """
    if found := [name for name in ENTITIES if name in body]:
        raise invalid(f"{', '.join(found)} must be inside filters, not at the top level")


def deletion(query: dict[str, str]) -> Where:
    """Read the query string of `DELETE /v1/memories/`: at least one filter; `*` means all.

    Raises:
        ApiError: 400 without any.
    """
    parts = [condition(name, query[name]) for name in ENTITIES if query.get(name)]
    if query.get("metadata"):
        try:
            parts.append(condition("metadata", json.loads(query["metadata"])))
        except ValueError:
            raise invalid(f"metadata must be a JSON object, not {query['metadata']!r}") from None
    if not parts:
        raise invalid(
            "at least one filter is required to delete memories: user_id, agent_id, app_id or run_id"
        )
    return all_of(parts)
