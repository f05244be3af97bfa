"""How ElevenLabs refuses a request."""

from collections.abc import Mapping

from pydantic import ValidationError


class ApiError(Exception):
    """A request is refused: `{"detail": {"status", "message"}}` with an HTTP status."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, object] = {"detail": {"status": kind, "message": message}}


class InvalidRequestError(ApiError):
    """A request has the wrong shape: HTTP 422 in FastAPI's form, a list of `{"loc", "msg", "type"}`."""

    def __init__(self, *errors: Mapping[str, object]) -> None:
        super().__init__(422, "", "invalid request")
        self.body = {"detail": list(errors)}

    @classmethod
    def of(cls, error: ValidationError) -> "InvalidRequestError":
        """From what pydantic found."""
        return cls(
            *(
                {"loc": ["body", *found["loc"]], "msg": found["msg"], "type": found["type"]}
                for found in error.errors(include_url=False, include_context=False)
            )
        )


def not_found(what: str, id_: str) -> ApiError:
    """The answer to an id that the workspace does not have."""
    return ApiError(404, "document_not_found", f"{what} with id {id_[:64]} was not found.")
