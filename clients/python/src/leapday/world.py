"""The world of one key: its clock, what happens in it, and trouble on purpose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable

from . import _look
from ._http import Control, Http, given, segment
from .errors import ExpectationError
from .groups import Clock, Deliveries, Events, Faults, Instant, WebhookEndpoints, WebhookRules, instant, waiting
from .receiver import Receiver
from .types import (
    Card,
    Event,
    Export,
    Fork,
    Message,
    MessageList,
    Payment,
    RequestList,
    Reset,
    Script,
    ScriptList,
    Snapshot,
    SnapshotList,
    Verification,
    WorldState,
)

if TYPE_CHECKING:
    from .sandbox import Sandbox

LONGEST_WAIT_S = 30.0


class World:
    """The world of one key at one vendor.

    Made by :meth:`Sandbox.paygentic`, :meth:`Sandbox.paylera` and :meth:`Sandbox.paymennt`.
    """

    def __init__(
        self, sandbox: Sandbox, provider: str, key: str, base_url: str, headers: Mapping[str, str], http: Http
    ) -> None:
        """Belong to a sandbox."""
        self.sandbox = sandbox
        self.provider = provider
        self.key = key
        """As the sandbox lists it."""
        self.base_url = base_url
        """Where the vendor's client is to be pointed."""
        self.headers = dict(headers)
        """The credentials, for any HTTP client."""
        self._http = Http(base_url, headers, http.timeout)
        control = Control(http, provider)
        self._control = control
        self.clock = Clock(control)
        self.events = Events(control)
        self.faults = Faults(control)
        self.webhook_endpoints = WebhookEndpoints(control)
        self.webhook_rules = WebhookRules(control)
        self.deliveries = Deliveries(control)
        self._receivers: list[Receiver] = []

    def __repr__(self) -> str:
        """Name it."""
        return f"<World {self.provider} {self.key}>"

    def call(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """Call the vendor's API with this key, where the vendor's own client is not at hand.

        ``world.call("GET", "/v0/plans?limit=1")``
        """
        return self._http.send(method, path, None, body, headers)

    def expect_event(
        self,
        type: str,
        *,
        timeout: float = 10,
        offset: int = 0,
        where: Callable[[Event], bool] | None = None,
    ) -> Event:
        """Wait for an event of a type (``invoice.*``), from number ``offset`` on, and give the first.

        :raises ExpectationError: there was none in time; lists what did happen
        """
        deadline, start = time.monotonic() + timeout, offset
        while True:
            left = deadline - time.monotonic()
            page = self.events.wait(type, timeout=min(max(left, 0), LONGEST_WAIT_S), offset=start)
            for event in page["events"]:
                if where is None or where(event):
                    return event
            start = page["next"]
            if left <= 0:
                # Numbers from the end: what came last tells most.
                total = page["total"]
                happened = self.events.list(offset=max(offset, total - _look.SHOWN))["events"]
                raise ExpectationError(f"no event {type!r} within {timeout:g} s; {_look.events(happened)}")

    def expect_message(self, to: str | None = None, *, timeout: float = 10, offset: int = 0) -> Message:
        """Wait for an e-mail or a text message, to somebody or to anybody, and give the first.

        :raises ExpectationError: there was none in time
        """
        found = self.messages(to, offset=offset, timeout=timeout)["messages"]
        if not found:
            sent = [f"{one['at']}  {one['to']}  {one['subject']}" for one in self.messages(offset=offset)["messages"]]
            whom = f" to {to}" if to else ""
            raise ExpectationError(f"no message{whom} within {timeout:g} s; {_look.last(sent, 'messages')}")
        return found[0]

    def messages(
        self,
        to: str | None = None,
        *,
        offset: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> MessageList:
        """List e-mails and text messages that would have gone out; with a timeout, wait for one."""
        query = {"to": to, "offset": offset, "limit": limit, "wait": None if timeout is None else waiting(timeout)}
        return self._control.ask(MessageList, "GET", "/messages", query)

    def journal(
        self,
        *,
        operation: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        contains: str | None = None,
        violated: bool | None = None,
        offset: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> RequestList:
        """List requests of late, with what was wrong with them and what they caused; with a timeout, wait for one."""
        query = {
            "operation": operation,
            "method": method,
            "path": path,
            "status": status,
            "contains": contains,
            "violated": violated,
            "offset": offset,
            "limit": limit,
            "wait": None if timeout is None else waiting(timeout),
        }
        return self._control.ask(RequestList, "GET", "/journal", query)

    def verify(
        self,
        operation: str | None = None,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        body_contains: Sequence[str] | None = None,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        timeout: float | None = None,
    ) -> Verification:
        """Check which requests were made; without a number at least one is expected.

        :raises ExpectationError: too few or too many were; shows near misses
        """
        wait = None if timeout is None else waiting(timeout)
        body = given(
            operation=operation,
            method=method,
            path=path,
            status=status,
            body_contains=body_contains,
            count=count,
            at_least=at_least,
            at_most=at_most,
            wait=wait,
        )
        found = self._control.ask(Verification, "POST", "/journal/verify", None, body)
        if not found["verified"]:
            raise ExpectationError(_look.unverified(found))
        return found

    def pay(self, session: str, *, card: Card | str | None = None, save_payment_method: bool | None = None) -> Payment:
        """Pay a payment session as its page does, with a card that succeeds or with this one."""
        body = given(card=_card(card), savePaymentMethod=save_payment_method)
        return self._control.ask(Payment, "POST", f"/payments/{segment(session)}/complete", None, body)

    def fail_payment(self, session: str, *, code: str | None = None) -> Payment:
        """Let a payment session fail."""
        return self._control.ask(Payment, "POST", f"/payments/{segment(session)}/fail", None, given(code=code))

    def save_card(self, customer: str, *, card: Card | str | None = None) -> dict[str, Any]:
        """Keep a card for a customer; the answer is the vendor's payment method."""
        path = f"/customers/{segment(customer)}/payment-methods"
        return self._control.ask(dict, "POST", path, None, given(card=_card(card)))

    def script(self, of: str, outcomes: Sequence[str]) -> Script:
        """Say how the next charges of a customer, payment method or invoice go: ``["decline", "succeed"]``."""
        return self._control.ask(Script, "POST", "/outcomes", None, {"of": of, "outcomes": list(outcomes)})

    def scripts(self) -> list[Script]:
        """List what is scripted and has not come yet."""
        return self._control.ask(ScriptList, "GET", "/outcomes")["outcomes"]

    def clear_script(self, of: str) -> None:
        """Let the charges of one go as their cards say."""
        self._control.tell("DELETE", f"/outcomes/{segment(of)}")

    def receiver(
        self,
        *,
        events: Sequence[str] | None = None,
        secret: str | None = None,
        bind: str = "127.0.0.1",
        host: str | None = None,
        signature: str | None = None,
    ) -> Receiver:
        """Listen for the webhooks of this world on a free port.

        :param host: under which name the sandbox reaches it, if that is another than ``bind``
        :param signature: for Paymennt, what ``--webhook-signature`` says
        """
        receiver = Receiver(self, events=events, secret=secret, bind=bind, host=host, signature=signature)
        self._receivers.append(receiver)
        return receiver

    def state(self) -> WorldState:
        """Read the world in short, with its digest."""
        return self._control.ask(WorldState, "GET", "/world")

    def reset(self, world: str | None = None, *, now: Instant | None = None) -> str:
        """Begin anew with what the sandbox's worlds begin with, or with ``empty``; tells which.

        :param now: where the clock is frozen before anything is made; it flows with the wall without
        """
        return self._control.ask(Reset, "POST", "/world/reset", None, given(world=world, now=instant(now)))["world"]

    def snapshot(self, name: str) -> Snapshot:
        """Keep the world as it is, under a name."""
        return self._control.ask(Snapshot, "POST", "/world/snapshots", None, {"name": name})

    def snapshots(self) -> list[Snapshot]:
        """List what is kept."""
        return self._control.ask(SnapshotList, "GET", "/world/snapshots")["snapshots"]

    def restore(self, name: str) -> Snapshot:
        """Go back to a snapshot."""
        return self._control.ask(Snapshot, "POST", f"/world/snapshots/{segment(name)}/restore")

    def delete_snapshot(self, name: str) -> None:
        """Forget a snapshot."""
        self._control.tell("DELETE", f"/world/snapshots/{segment(name)}")

    def fork(self, key: str | None = None, *, replace: bool | None = None) -> World:
        """Give another key, or a fresh one, a world like this one."""
        wanted = key if key is not None else self.sandbox.fresh_key(self.provider)
        made = self._control.ask(Fork, "POST", "/world/fork", None, given(key=wanted, replace=replace))
        return self.sandbox.world(self.provider, made["key"])

    def export_world(self) -> Export:
        """Write the whole world down."""
        return self._control.ask(Export, "GET", "/world/export")

    def import_world(self, export: Export) -> WorldState:
        """Put a world that was written down in the place of this one."""
        return self._control.ask(WorldState, "POST", "/world/import", None, export)

    def close(self) -> None:
        """Stop its receivers; the world stays."""
        while self._receivers:
            self._receivers.pop().close()

    def look(self) -> str:
        """Tell in some lines what has happened here, for whoever reads why a test has failed."""
        total = self.events.list(limit=1)["total"]
        happened = self.events.list(offset=max(0, total - _look.SHOWN))["events"]
        refused = self.journal(violated=True, limit=_look.SHOWN)["requests"]
        lines = [f"{self.provider} {self.key} at {self.clock.now()}", _look.events(happened)]
        return "\n".join([*lines, *([f"refused {_look.requests(refused)}"] if refused else [])])


def _card(card: Card | str | None) -> Card | None:
    return {"number": card} if isinstance(card, str) else card
