"""PostCall as ElevenLabs' webhook: verify, extract, queue, answer 200. It never calls Mem0.

200 means that the call is queued, has nothing to remember, or is kept in the dead-letter queue because it was
not understood. If it could not be queued or kept the answer is 500, and ElevenLabs delivers it again.
"""

import time
from typing import Any

from post_call import intake, messages
from post_call.call_queue import CallQueue
from post_call.payload import NotUnderstoodError
from shared import logs, signature
from shared.aws import AwsError
from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import InvalidRequestError, UnauthorizedError, UnavailableError
from shared.http import Request, parse_json


class Webhook:
    """Answers ElevenLabs' post-call webhook."""

    def __init__(self, environment: Environment, credentials: Credentials, queue: CallQueue) -> None:
        self._environment = environment
        self._credentials = credentials
        self._queue = queue

    def answer(self, request: Request) -> dict[str, Any]:
        """Make the call in `request` safe."""
        body = self._verified_body(request)
        try:
            value = parse_json(body)
        except InvalidRequestError as error:
            return {"status": self._keep(body.decode("utf-8", "replace"), str(error))}
        # One event, as documented, or an array of events, as seen. One that fails costs no other.
        events = value if isinstance(value, list) and value else [value]
        outcomes, failures = [], []
        for event in events:
            try:
                outcomes.append(self._accept(event))
            except UnavailableError as error:
                failures.append(error)
        if failures:
            raise failures[-1]
        return {"status": outcomes[-1]}

    def _verified_body(self, request: Request) -> bytes:
        """The body, whose signature fits.

        Raises:
            UnauthorizedError: if it does not. The body is not touched unless the header alone could be right.
        """
        header = request.header("ElevenLabs-Signature")
        try:
            signature.check_header(header, time.time())
            body = request.body()

            def verify() -> None:
                keys = self._credentials.keys("ELEVENLABS_HMAC_KEY")
                signature.verify(header, body, keys, time.time())

            self._credentials.retry_with_new(verify, signature.UnknownKeyError)
        except signature.BadSignatureError as error:
            if self._credentials.stale:
                # It may be signed with a key that could not be read yet, and a 401 would be final.
                raise UnavailableError("the signing keys could not be read again: deliver it again") from None
            logs.bind(signature=str(error))
            logs.defer_metrics(SignatureFailures=1)
            raise UnauthorizedError("ElevenLabs-Signature is missing or wrong") from None
        return body

    def _accept(self, event: object) -> str:
        """Queue the call of a signed event, and say what became of it."""
        started = time.monotonic()
        logs.start()
        try:
            read = intake.read(event, self._environment)
        except NotUnderstoodError as error:
            return self._keep(event, str(error))
        if read.record:
            try:
                self._queue.send(messages.of_call(read.record))
            except AwsError as error:
                logs.error("call could not be queued", reason=str(error))
                # The words of AWS are for our log; ElevenLabs only needs to know that it should try again.
                raise UnavailableError("the call could not be made safe: deliver it again") from None
        status = "queued" if read.record else "ignored"
        logs.info(
            f"webhook {status}",
            reason=read.reason or None,
            duration_ms=logs.milliseconds_since(started),
            metrics={"WebhooksAccepted": 1, **({read.metric: 1} if read.metric else {})},
        )
        return status

    def _keep(self, event: object, reason: str) -> str:
        """Keep a signed event that was not understood in the dead-letter queue: it would not come again."""
        try:
            message = messages.of_event(intake.without_secrets(event))
            self._queue.keep(message, f"not understood: {reason}")
        except AwsError as error:
            logs.error("event could not be kept", reason=str(error))
            raise UnavailableError("the event could not be made safe: deliver it again") from None
        logs.error(
            "webhook kept: it was not understood",
            reason=reason,
            metrics={"WebhooksAccepted": 1, "CallsNotUnderstood": 1},
        )
        return "kept"
