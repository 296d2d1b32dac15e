"""What can be asked of a world, by noun."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar, Union

from ._http import Control, given, segment
from .types import (
    Action,
    ClockState,
    Deliver,
    Delivery,
    DeliveryList,
    DeliveryStatus,
    Endpoint,
    EndpointList,
    EventList,
    Fault,
    FaultList,
    Journey,
    Profile,
    Rule,
    RuleList,
    Step,
    Upcoming,
)

Instant = Union[str, datetime]
"""RFC 3339 as the control API writes it, or a ``datetime`` with a time zone."""

_Journey = TypeVar("_Journey", Journey, Step)


def instant(at: Instant | None) -> str | None:
    """Write an instant down."""
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone: datetime(..., tzinfo=timezone.utc)")
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def waiting(seconds: float) -> str:
    """Write a wait down."""
    return f"{max(0, round(seconds * 1000))}ms"


class _Group:
    def __init__(self, control: Control) -> None:
        self._control = control


class Clock(_Group):
    """The clocks of a world: its own, or with ``clock`` a test clock of it."""

    def get(self, *, clock: str | None = None) -> ClockState:
        """Read the clock."""
        return self._control.ask(ClockState, "GET", "/clock", {"clock": clock})

    def now(self, *, clock: str | None = None) -> str:
        """Tell where the clock stands."""
        return self.get(clock=clock)["now"]

    def set(self, now: Instant, *, deliver: Deliver | None = None) -> ClockState:
        """Freeze the clock of the world at an instant."""
        return self._control.ask(ClockState, "POST", "/clock", {"deliver": deliver}, {"now": instant(now)})

    def flow(self) -> ClockState:
        """Let the clock of the world run on from where it stands."""
        return self._control.ask(ClockState, "POST", "/clock", None, {"flow": True})

    def advance(
        self,
        by: str | None = None,
        *,
        to: Instant | None = None,
        clock: str | None = None,
        deliver: Deliver | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> Journey:
        """Go by a duration (``P1M``) or to an instant; whatever is due on the way happens, in order.

        The answer shows the first 1,000 events of the journey: ``offset`` and ``limit`` choose others.
        """
        body = given(by=by, to=instant(to), clock=clock)
        return self._travel(Journey, "/clock/advance", body, deliver, offset, limit)

    def preview(
        self,
        by: str | None = None,
        *,
        to: Instant | None = None,
        clock: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> Journey:
        """Tell what an advance would bring, with the same ids, instants and amounts, and change nothing."""
        body = given(by=by, to=instant(to), clock=clock, dry_run=True)
        return self._travel(Journey, "/clock/advance", body, None, offset, limit)

    def step(
        self,
        *,
        clock: str | None = None,
        dry_run: bool | None = None,
        deliver: Deliver | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> Step:
        """Do the next thing that is due."""
        return self._travel(Step, "/clock/step", given(clock=clock, dry_run=dry_run), deliver, offset, limit)

    def upcoming(self, within: str | None = None, *, clock: str | None = None, limit: int | None = None) -> Upcoming:
        """Show the calendar of what falls due within a month, or within ``P3M``."""
        return self._control.ask(Upcoming, "GET", "/clock/upcoming", {"within": within, "clock": clock, "limit": limit})

    def _travel(
        self, of: type[_Journey], path: str, body: object, deliver: str | None, offset: int | None, limit: int | None
    ) -> _Journey:
        return self._control.ask(of, "POST", path, {"deliver": deliver, "offset": offset, "limit": limit}, body)


class Events(_Group):
    """What has happened in a world, in order."""

    def list(self, type: str | None = None, *, offset: int | None = None, limit: int | None = None) -> EventList:
        """List events, of a type or of all that begin like ``invoice.*``; ``offset`` is the number of the first."""
        return self._control.ask(EventList, "GET", "/events", {"type": type, "offset": offset, "limit": limit})

    def wait(
        self,
        type: str | None = None,
        *,
        timeout: float = 10,
        offset: int | None = None,
        limit: int | None = None,
    ) -> EventList:
        """Wait until there is such an event, at most 60 s; the list is empty if there was none in time."""
        query = {"type": type, "wait": waiting(timeout), "offset": offset, "limit": limit}
        return self._control.ask(EventList, "GET", "/events", query)


class Faults(_Group):
    """Requests that are answered badly, late or not at all, on purpose."""

    def list(self) -> list[Fault]:
        """List the rules that stand."""
        return self._control.ask(FaultList, "GET", "/faults")["faults"]

    def add(
        self,
        then: str,
        *,
        operation: str | None = None,
        path: str | None = None,
        probability: float | None = None,
        times: int | None = None,
        ttl: str | None = None,
    ) -> Fault:
        """Add a rule: ``status:503``, ``latency:2s``, ``hang``, ``reset``, ``truncate`` or ``lose_answer``."""
        wanted = given(then=then, match=given(operation=operation, path=path), probability=probability, times=times)
        return self._create({**wanted, **given(ttl=ttl)})[0]

    def profile(
        self,
        name: Profile,
        *,
        operation: str | None = None,
        path: str | None = None,
        probability: float | None = None,
        times: int | None = None,
        ttl: str | None = None,
    ) -> builtins.list[Fault]:
        """Add the rules of a profile."""
        wanted = given(profile=name, match=given(operation=operation, path=path), probability=probability, times=times)
        return self._create({**wanted, **given(ttl=ttl)})

    def delete(self, id: str) -> None:
        """Take one rule away."""
        self._control.tell("DELETE", f"/faults/{segment(id)}")

    def clear(self) -> None:
        """Take all rules away."""
        self._control.tell("DELETE", "/faults")

    def _create(self, wanted: dict[str, Any]) -> builtins.list[Fault]:
        return self._control.ask(FaultList, "POST", "/faults", None, wanted)["faults"]


class WebhookEndpoints(_Group):
    """Where the webhooks of a world are sent."""

    def list(self) -> list[Endpoint]:
        """List the endpoints."""
        return self._control.ask(EndpointList, "GET", "/webhook-endpoints")["endpoints"]

    def create(self, url: str, *, events: Sequence[str] | None = None, secret: str | None = None) -> Endpoint:
        """Register an endpoint, of all events or of some types; without a secret it gets one."""
        return self._control.ask(
            Endpoint, "POST", "/webhook-endpoints", None, given(url=url, events=events, secret=secret)
        )

    def get(self, id: str) -> Endpoint:
        """Read one."""
        return self._control.ask(Endpoint, "GET", f"/webhook-endpoints/{segment(id)}")

    def update(
        self,
        id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        secret: str | None = None,
        enabled: bool | None = None,
    ) -> Endpoint:
        """Change what is named."""
        body = given(url=url, events=events, secret=secret, enabled=enabled)
        return self._control.ask(Endpoint, "PATCH", f"/webhook-endpoints/{segment(id)}", None, body)

    def delete(self, id: str) -> None:
        """Send it nothing more."""
        self._control.tell("DELETE", f"/webhook-endpoints/{segment(id)}")


class WebhookRules(_Group):
    """Webhooks that misbehave on purpose, so many times."""

    def list(self) -> list[Rule]:
        """List the rules that stand."""
        return self._control.ask(RuleList, "GET", "/webhook-rules")["rules"]

    def create(
        self,
        action: Action,
        *,
        event: str | None = None,
        endpoint: str | None = None,
        by: str | None = None,
        times: int | None = None,
    ) -> Rule:
        """Add a rule for the next webhook, or for ``times`` of them; ``by`` (``PT10M``) is how late a delay is."""
        body = given(action=action, event=event, endpoint=endpoint, by=by, times=times)
        return self._control.ask(Rule, "POST", "/webhook-rules", None, body)

    def delete(self, id: str) -> None:
        """Take one away."""
        self._control.tell("DELETE", f"/webhook-rules/{segment(id)}")


class Deliveries(_Group):
    """The log of webhooks."""

    def list(
        self,
        *,
        event: str | None = None,
        endpoint: str | None = None,
        status: DeliveryStatus | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> DeliveryList:
        """List deliveries, of one event type, to one endpoint, of one status."""
        query = {"event": event, "endpoint": endpoint, "status": status, "offset": offset, "limit": limit}
        return self._control.ask(DeliveryList, "GET", "/deliveries", query)

    def get(self, id: str) -> Delivery:
        """Read one."""
        return self._control.ask(Delivery, "GET", f"/deliveries/{segment(id)}")

    def redeliver(self, id: str) -> Delivery:
        """Send it once more, now, and wait until that is answered."""
        return self._control.ask(Delivery, "POST", f"/deliveries/{segment(id)}/redeliver")
