"""Webhooks as a receiver sees them that is built on Svix's own library, which the vendor's documents point to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from svix.webhooks import Webhook, WebhookVerificationError

PATIENCE_S = 30


class Receiver:
    """Keeps what it gets; answers with the statuses it is given, then 200."""

    def __init__(self, *statuses):
        self.requests = []
        self._statuses = list(statuses)
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take({name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def _take(self, headers, body):
        with self._news:
            self.requests.append((headers, body))
            self._news.notify_all()
            return self._statuses.pop(0) if self._statuses else 200

    def wait_for(self, count):
        with self._news:
            assert self._news.wait_for(lambda: len(self.requests) >= count, PATIENCE_S), self.requests
            return list(self.requests)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receive():
    receivers = []

    def start(*statuses):
        receivers.append(Receiver(*statuses))
        return receivers[-1]

    yield start
    for receiver in receivers:
        receiver.close()


def verified(secret, headers, body):
    """The event, if the library that receivers use takes it for genuine."""
    Webhook(secret).verify(body, headers)
    return json.loads(body)


def customer(world, email="ada@example.com"):
    address = {"country": "US", "state": "CA", "zipCode": "94105"}
    body = {"merchantId": "org_hooks", "consumer": {"name": "Ada", "email": email, "address": address}}
    answer = world.raw.post("/v0/customers", json=body)
    assert answer.status_code == 201, answer.text


def test_a_receiver_that_fails_three_times_verifies_every_attempt(world, receive):
    receiver = receive(500, 500, 500)
    world.control.post("/clock", {"now": "2028-01-31T00:00:00Z"})
    endpoint = world.control.post("/webhook-endpoints", {"url": receiver.url})
    customer(world)
    receiver.wait_for(1)
    world.control.post("/clock/advance", {"by": "P1D"})
    assert len(receiver.requests) == 4
    for headers, body in receiver.requests:
        event = verified(endpoint["secret"], headers, body)
        assert event["eventType"] == "customer.created.v0"
        assert headers["svix-id"] == receiver.requests[0][0]["svix-id"]
    (delivery,) = world.control.get("/deliveries")["deliveries"]
    assert delivery["status"] == "succeeded"
    assert [attempt["at"] for attempt in delivery["attempts"]] == [
        "2028-01-31T00:00:00Z",
        "2028-01-31T00:00:05Z",
        "2028-01-31T00:05:05Z",
        "2028-01-31T00:35:05Z",
    ]


def test_a_changed_body_or_another_secret_does_not_verify(world, receive):
    receiver = receive()
    endpoint = world.control.post("/webhook-endpoints", {"url": receiver.url})
    other = world.control.post("/webhook-endpoints", {"url": receiver.url})
    customer(world)
    headers, body = receiver.wait_for(2)[0]
    secrets = {endpoint["secret"], other["secret"]}
    assert len(secrets) == 2

    def verifies(secret, body):
        try:
            Webhook(secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    assert [verifies(secret, body) for secret in secrets].count(True) == 1
    assert not any(verifies(secret, body.replace(b"Ada", b"Eve")) for secret in secrets)


def test_a_secret_of_ones_own_and_switching_off_by_the_vendors_client(world, receive):
    receiver = receive()
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    world.control.post("/webhook-endpoints", {"url": receiver.url, "secret": secret})
    assert world.sdk.webhooks.enable().enabled
    customer(world, "one@example.com")
    receiver.wait_for(1)
    world.sdk.webhooks.disable()
    assert not world.sdk.webhooks.get().enabled
    customer(world, "two@example.com")
    world.sdk.webhooks.update(enabled=True)
    customer(world, "three@example.com")
    requests = receiver.wait_for(2)
    events = [verified(secret, headers, body) for headers, body in requests]
    emails = [event["data"]["organization"]["billingEmails"] for event in events]
    assert emails == [["one@example.com"], ["three@example.com"]]
    portal = world.sdk.webhooks.get_portal()
    assert portal.url.startswith("http://127.0.0.1") and portal.expires_at
