"""What the control API answers: the JSON itself, typed.

The names are the API's own, so that what an answer shows can be looked up in its documents; a test holds each of these
types against the OpenAPI document of the binary. Instants are RFC 3339 in UTC: they compare and sort as text.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Deliver = Literal["settle", "burst"]
"""Webhooks of an advance: each instant's before the clock moves past it, or all once it has arrived."""
Profile = Literal["flaky", "slow", "offline", "rate-limited"]
"""Rules for faults that belong together."""
Action = Literal["duplicate", "reorder", "delay", "drop"]
"""What a rule does to a webhook."""
DeliveryStatus = Literal["pending", "succeeded", "failed", "dropped", "cancelled"]
"""How a webhook fared."""


class Violation(TypedDict):
    """One thing that is wrong with a request."""

    place: str
    pointer: str
    rule: str
    message: str
    suggestion: str | None


class Health(TypedDict):
    """That the sandbox is there."""

    status: Literal["ok"]
    version: str


class ClockState(TypedDict):
    """Where a clock stands, and whether it runs on."""

    provider: str
    now: str
    mode: Literal["flowing", "frozen"]


class Gist(TypedDict):
    """Which row something is about, and how much money."""

    noun: str
    id: str
    amount: str | None
    currency: str | None


class Brief(TypedDict):
    """An event without what it tells."""

    number: int
    id: str
    type: str
    at: str
    about: Gist


class Event(Brief):
    """Something that happened; the body is what the vendor's webhook would send."""

    body: dict[str, Any]


class EventList(TypedDict):
    """Events from ``offset`` on; ask again from ``next``."""

    events: list[Event]
    total: int
    offset: int
    limit: int
    next: int


class Stopped(TypedDict):
    """Why an advance went no further."""

    before: str
    reason: str


Journey = TypedDict(
    "Journey",
    {
        "provider": str,
        "from": str,
        "now": str,
        "fired": int,
        "eventCount": int,
        "events": "list[Event]",
        "stopped": "Stopped | None",
        "unanswered": "list[str]",
        "dryRun": bool,
    },
)
"""What happened on the way of a clock, or with ``dryRun`` what would."""


class Due(TypedDict):
    """Something that falls due."""

    at: str
    what: str
    about: Gist


class Step(Journey):
    """A journey to the next thing that was due."""

    due: Due


class Expected(Due):
    """Something that falls due, and the events that it will bring."""

    events: list[Brief]


class Upcoming(TypedDict):
    """The calendar of a clock; ``next`` is when something is due that is not shown."""

    provider: str
    now: str
    until: str
    upcoming: list[Expected]
    next: str | None


class FaultMatch(TypedDict):
    """Which requests a fault is about."""

    operation: str | None
    path: str | None


class Fault(TypedDict):
    """A rule by which requests are answered badly, late or not at all."""

    id: str
    match: FaultMatch
    then: str
    probability: float
    times: int | None
    until: str | None


class FaultList(TypedDict):
    """The rules of a world, or those just made."""

    faults: list[Fault]


class Told(TypedDict):
    """A delivery that a request caused."""

    id: str
    event: int
    type: str
    status: DeliveryStatus
    attempts: int


class Request(TypedDict):
    """A request that was made, and what it caused."""

    number: int
    receivedAt: str
    at: str
    method: str
    path: str
    operation: str | None
    status: int
    fault: str | None
    violations: list[Violation]
    body: str | None
    answer: str | None
    events: list[Brief]
    deliveries: list[Told]
    eventCount: int | None


class RequestList(TypedDict):
    """Requests from ``offset`` on; ask again from ``next``."""

    requests: list[Request]
    total: int
    offset: int
    limit: int
    next: int


class NearMiss(TypedDict):
    """A request that was nearly the one that was looked for."""

    misses: list[str]
    request: Request


class Verification(TypedDict):
    """Whether the requests that were made are those that were expected."""

    verified: bool
    expected: str
    count: int
    requests: list[Request]
    nearMisses: list[NearMiss]


class Message(TypedDict):
    """An e-mail or a text message that would have gone out."""

    number: int
    at: str
    channel: Literal["email", "sms"]
    to: str
    subject: str
    link: str | None


class MessageList(TypedDict):
    """Messages from ``offset`` on; ask again from ``next``."""

    messages: list[Message]
    total: int
    offset: int
    limit: int
    next: int


class _Number(TypedDict):
    number: str


class Card(_Number, total=False):
    """A card to pay with."""

    expMonth: int
    expYear: int


class Payment(TypedDict):
    """How a payment session ended."""

    session: str
    status: str
    paid: bool
    declineCode: str | None


class Script(TypedDict):
    """How the next charges of a customer, payment method or invoice go."""

    of: str
    outcomes: list[str]


class ScriptList(TypedDict):
    """The scripts of a world."""

    outcomes: list[Script]


class Endpoint(TypedDict):
    """Where webhooks are sent."""

    id: str
    url: str
    events: list[str]
    secret: str
    enabled: bool
    responsive: bool
    createdAt: str


class EndpointList(TypedDict):
    """The webhook endpoints of a world."""

    endpoints: list[Endpoint]


class _Rule(TypedDict):
    id: str
    action: Action
    endpoint: str | None
    event: str | None
    times: int


class Rule(_Rule, total=False):
    """A rule that makes webhooks misbehave, so many times; ``by`` is how late, of a delay."""

    by: str


class RuleList(TypedDict):
    """The webhook rules of a world."""

    rules: list[Rule]


class Answer(TypedDict):
    """What a receiver of webhooks answered."""

    status: int
    body: str


class Attempt(TypedDict):
    """One attempt to deliver a webhook: ``at`` on the clock of the event, ``sentAt`` on the wall."""

    number: int
    at: str
    sentAt: str
    durationMs: float
    byHand: bool
    headers: dict[str, str]
    response: Answer | None
    error: str | None


class Delivery(TypedDict):
    """A webhook on its way to one endpoint."""

    id: str
    endpointId: str
    url: str | None
    eventId: str
    eventType: str
    status: DeliveryStatus
    rule: Action | None
    nextAttemptAt: str | None
    createdAt: str
    body: str
    attempts: list[Attempt]


class DeliveryList(TypedDict):
    """Deliveries from ``offset`` on."""

    deliveries: list[Delivery]
    total: int
    offset: int
    limit: int


class WorldState(TypedDict):
    """A world in short; equal worlds have equal digests."""

    provider: str
    key: str
    now: str
    mode: Literal["flowing", "frozen"]
    eventCount: int
    rowCount: int
    digest: str


class WorldInfo(TypedDict):
    """A world in the list of all."""

    provider: str
    key: str
    now: str
    mode: Literal["flowing", "frozen"]
    eventCount: int
    rowCount: int
    snapshots: list[str]


class WorldList(TypedDict):
    """The worlds of a sandbox."""

    worlds: list[WorldInfo]


class Snapshot(TypedDict):
    """A world as it was, under a name."""

    provider: str
    key: str
    name: str
    now: str
    eventCount: int


class SnapshotList(TypedDict):
    """The snapshots of a world."""

    snapshots: list[Snapshot]


Fork = TypedDict("Fork", {"provider": str, "key": str, "from": str})
"""A world that another key was given."""


class Reset(TypedDict):
    """What a world was begun anew with."""

    world: str


class Export(TypedDict):
    """A whole world, written down."""

    leapday: str
    provider: str
    key: str
    digest: str
    world: dict[str, Any]
