"""A receiver of webhooks on a free port of this machine, which checks how they are signed."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable

from . import _look
from .errors import ExpectationError, LeapdayError
from .types import Endpoint

if TYPE_CHECKING:
    from .world import World

PAYMENNT_SIGNATURE = "X-Paymennt-Signature:sha256:hex"
TOLERANCE_S = 300.0
"""How old a signature may be, where the vendor signs the time."""


def verify_signature(
    provider: str,
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    signature: str | None = None,
    now: float | None = None,
) -> None:
    """Check that the vendor has signed a webhook.

    :param headers: their names in any case
    :param signature: for Paymennt, what ``--webhook-signature`` says: ``HEADER:ALGORITHM:ENCODING``
    :param now: seconds since 1970, if another instant than this one is meant
    :raises LeapdayError: it has not; says why
    """
    sent = {name.lower(): value for name, value in headers.items()}
    if provider == "paygentic":
        _verify_svix(secret, sent, body, now)
    elif provider == "paylera":
        _verify_paylera(secret, sent, body, now)
    else:
        _verify_plain(secret, sent, body, signature or PAYMENNT_SIGNATURE)


def _verify_svix(secret: str, sent: Mapping[str, str], body: bytes, now: float | None) -> None:
    message, at = _header(sent, "svix-id"), _header(sent, "svix-timestamp")
    _recent(at, now)
    try:
        key = base64.b64decode(secret.split("_", 1)[-1], validate=True)
    except binascii.Error:
        raise LeapdayError(f"{secret!r} is no secret such as whsec_... in base64") from None
    digest = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    right = "v1," + base64.b64encode(digest).decode()
    _among(right, _header(sent, "svix-signature").split(" "), "svix-signature")


def _verify_paylera(secret: str, sent: Mapping[str, str], body: bytes, now: float | None) -> None:
    parts = [part.partition("=") for part in _header(sent, "paylera-signature").split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    _recent(at, now)
    right = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    _among(right, [value for name, _, value in parts if name == "v1"], "paylera-signature")


def _verify_plain(secret: str, sent: Mapping[str, str], body: bytes, signature: str) -> None:
    header, algorithm, encoding, *_ = [*signature.split(":"), "", ""]
    digest = hmac.new(secret.encode(), body, hashlib.sha512 if algorithm == "sha512" else hashlib.sha256).digest()
    right = base64.b64encode(digest).decode() if encoding == "base64" else digest.hex()
    _among(right, [_header(sent, header.lower())], header)


def _header(sent: Mapping[str, str], name: str) -> str:
    if name not in sent:
        raise LeapdayError(f"the webhook has no header {name}")
    return sent[name]


def _recent(at: str, now: float | None) -> None:
    if not at.isdigit() or abs(int(at) - (time.time() if now is None else now)) > TOLERANCE_S:
        raise LeapdayError(f"the webhook was signed at {at!r}, which is not within {TOLERANCE_S:g} s of now")


def _among(right: str, signatures: Sequence[str], header: str) -> None:
    # Two of them while a secret is rotated.
    if not any(hmac.compare_digest(right.encode(), one.encode()) for one in signatures):
        raise LeapdayError(f"the signature in {header} is not of this body and secret")


@dataclass(frozen=True)
class Webhook:
    """A webhook that came, signed by the vendor."""

    type: str
    """The event's; Paymennt names none, so it follows from the status: ``checkout.paid``."""
    body: Any
    """The JSON."""
    raw: bytes = field(repr=False)
    """The body as it was signed."""
    headers: Mapping[str, str] = field(repr=False)
    """Their names in lower case."""
    answered: int
    """What the receiver answered."""


class Receiver:
    """A webhook endpoint of a world; made by :meth:`World.receiver`.

    Each webhook is given out once, so that who expects the same type twice gets two.
    """

    def __init__(
        self,
        world: World,
        *,
        events: Sequence[str] | None,
        secret: str | None,
        bind: str,
        host: str | None,
        signature: str | None,
    ) -> None:
        """Use :meth:`World.receiver`."""
        self.world = world
        self.status = 200
        """What it answers: set it to 500, and the vendor tries again."""
        self.received: list[Webhook] = []
        """All that came, given out or not."""
        self.refused: list[str] = []
        """Why others were turned away: a wrong signature, or no JSON."""
        self._signature = signature
        self._changed = threading.Condition()
        self._open: list[Webhook] = []
        self._server = ThreadingHTTPServer((bind, 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://{host or bind}:{self._server.server_port}"
        """Where it listens."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            self.endpoint: Endpoint = world.webhook_endpoints.create(self.url, events=events, secret=secret)
            """As the world has it."""
        except LeapdayError:
            self._server.shutdown()
            self._server.server_close()
            raise
        self.secret = self.endpoint["secret"]
        """What signatures are checked with."""

    def __enter__(self) -> Receiver:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def expect_webhook(
        self,
        type: str = "*",
        *,
        timeout: float = 10,
        where: Callable[[Webhook], bool] | None = None,
    ) -> Webhook:
        """Wait for a webhook of a type (``invoice.*``) that was not given out yet, and give it.

        :raises ExpectationError: there was none in time, or one was not signed; lists what came
        """

        def wanted(one: Webhook) -> bool:
            return _look.matches(type, one.type) and (where is None or where(one))

        with self._changed:
            self._changed.wait_for(lambda: self.refused or any(wanted(one) for one in self._open), timeout)
            found = next((one for one in self._open if wanted(one)), None)
            if found is None or self.refused:
                came = _look.last([f"{one.type}  answered {one.answered}" for one in self.received], "webhooks")
                wrong = "".join(f"\nturned away: {why}" for why in self.refused)
                raise ExpectationError(f"no webhook {type!r} within {timeout:g} s; {came}{wrong}")
            self._open.remove(found)
            return found

    def close(self) -> None:
        """Stop listening, and take the endpoint out of the world."""
        self._server.shutdown()
        self._server.server_close()
        # A world that was reset or forgotten has no such endpoint any more.
        with contextlib.suppress(LeapdayError):
            self.world.webhook_endpoints.delete(self.endpoint["id"])

    def _take(self, headers: Mapping[str, str], raw: bytes) -> int:
        with self._changed:
            self._changed.notify_all()
            try:
                verify_signature(self.world.provider, self.secret, headers, raw, signature=self._signature)
                body = json.loads(raw)
            except (LeapdayError, ValueError) as error:
                self.refused.append(str(error))
                return 400
            webhook = Webhook(_type_of(self.world.provider, body), body, raw, headers, self.status)
            self.received.append(webhook)
            self._open.append(webhook)
            return self.status


def _type_of(provider: str, body: Any) -> str:
    if provider == "paymennt":
        return f"checkout.{str(body.get('status')).lower()}"
    return str(body.get("eventType" if provider == "paygentic" else "type"))


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            status = receiver._take({name.lower(): value for name, value in self.headers.items()}, raw)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    return Handler
