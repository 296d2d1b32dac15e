"""Leapday: a local sandbox for subscription-billing APIs whose clock you can turn.

>>> from leapday import Sandbox
>>> with Sandbox.start() as sandbox:
...     world = sandbox.paygentic()
...     journey = world.clock.advance("P1Y")
"""

from .errors import ExpectationError, LeapdayError
from .groups import Clock, Deliveries, Events, Faults, WebhookEndpoints, WebhookRules
from .receiver import Receiver, Webhook, verify_signature
from .sandbox import Sandbox
from .world import World

__all__ = [
    "Clock",
    "Deliveries",
    "Events",
    "ExpectationError",
    "Faults",
    "LeapdayError",
    "Receiver",
    "Sandbox",
    "Webhook",
    "WebhookEndpoints",
    "WebhookRules",
    "World",
    "verify_signature",
]
