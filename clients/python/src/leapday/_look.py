"""Events and requests in a line each, for the messages of what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .types import Event, Request, Verification

SHOWN = 20


def matches(wanted: str, name: str) -> bool:
    """Compare as the control API does: ``invoice.*`` means all that begin so."""
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def last(lines: Sequence[str], what: str) -> str:
    """Show the last lines of many."""
    if not lines:
        return f"no {what}"
    more = f" (the last {SHOWN} of {len(lines)})" if len(lines) > SHOWN else ""
    return "\n  ".join([f"{what}{more}:", *lines[-SHOWN:]])


def events(happened: Iterable[Event]) -> str:
    """List events with what they are about."""
    return last([_event(one) for one in happened], "events")


def requests(made: Iterable[Request]) -> str:
    """List requests with what was wrong with them."""
    return last([_request(one) for one in made], "requests")


def unverified(found: Verification) -> str:
    """Say what was expected of the requests, and what was nearly it."""
    said = f"expected {found['expected']} such requests, and there were {found['count']}"
    near = [f"{_request(one['request'])}: {'; '.join(one['misses'])}" for one in found["nearMisses"]]
    return f"{said}\n{last(near, 'near misses')}"


def _event(one: Event) -> str:
    about = one["about"]
    money = f" {about['amount']} {about['currency']}" if about["amount"] is not None else ""
    return f"{one['number']:>4}  {one['at']}  {one['type']}  {about['noun']} {about['id']}{money}"


def _request(one: Request) -> str:
    wrong = "".join(f"\n        {it['pointer']} {it['rule']}: {it['message']}" for it in one["violations"])
    return f"{one['number']:>4}  {one['at']}  {one['method']} {one['path']} {one['status']}{wrong}"
