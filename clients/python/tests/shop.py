"""A customer of each vendor, by plain HTTP."""

from __future__ import annotations

from typing import Any

from leapday import World

START = "2028-01-31T00:00:00Z"
DECLINES = "4000 0000 0000 0002"
ADA = {"name": "Ada", "email": "ada@example.com", "address": {"country": "US", "state": "CA", "zipCode": "94105"}}


def customer(world: World, number: int = 0) -> None:
    """One event at Paygentic."""
    who = {**ADA, "email": f"{number}@example.com"}
    world.call("POST", "/v0/customers", {"merchantId": "org_a", "consumer": who})


def subscribe(world: World) -> tuple[str, dict[str, Any]]:
    """A monthly subscription at Paygentic on a test clock, whose first payment is due."""
    clock = world.call("POST", "/v0/testClocks", {"currentTime": START})["id"]
    terms = {"name": "Ada", "planId": "plan_starterMonthly", "startedAt": START, "testClockId": clock, "customer": ADA}
    return clock, world.call("POST", "/v0/subscriptions", terms)


def sign_up(world: World, token: str = "tok_visa_success") -> str:
    """A monthly subscription at Paylera on the clock of the world; tells the customer."""
    world.clock.set(START)
    customer: str = keyed(world, "/v1/customers", {"email": "ada@example.com"})["id"]
    card = {"type": "card", "token": token, "set_as_default": True}
    keyed(world, f"/v1/customers/{customer}/payment-methods", card)
    terms = {"customer_id": customer, "plan_code": "starter-monthly-usd", "trial_days": 0}
    keyed(world, "/v1/subscriptions", terms)
    return customer


def keyed(world: World, path: str, body: object) -> Any:
    """Paylera wants an idempotency key with every write."""
    return world.call("POST", path, body, headers={"Idempotency-Key": path})


def order(world: World, number: str = "1") -> str:
    """A checkout at Paymennt that waits to be paid."""
    terms = {"requestId": number, "orderId": number, "currency": "AED", "amount": "100", "expiresIn": "60"}
    made: str = world.call("POST", "/checkout/qr", {**terms, "description": "At the counter"})["result"]["id"]
    return made
