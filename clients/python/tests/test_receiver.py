"""Webhooks that come, signed by each vendor in its way; and those that are not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from shop import order, sign_up, subscribe

from leapday import ExpectationError, LeapdayError, Sandbox, World, verify_signature

NONE = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def test_paygentic(paygentic: World) -> None:
    with paygentic.receiver(events=["invoice.*", "subscription.*"]) as receiver:
        _, subscription = subscribe(paygentic)
        issued = receiver.expect_webhook("invoice.issued.v0")
        assert issued.body["data"]["id"] == subscription["payment"]["invoiceId"]
        assert issued.headers["svix-signature"].startswith("v1,")
        assert receiver.expect_webhook(where=lambda one: one.type != issued.type).type == "subscription.created.v0"
        with pytest.raises(ExpectationError, match=r"no webhook 'invoice.\*' within 0 s; webhooks:"):
            receiver.expect_webhook("invoice.*", timeout=0)
        paygentic.pay(subscription["payment"]["paymentSessionId"])
        assert receiver.expect_webhook("invoice.paid.v0").body["data"]["status"] == "PAID"
        assert "customer.created.v0" not in [one.type for one in receiver.received]
    assert paygentic.webhook_endpoints.list() == [], "a receiver that closes takes its endpoint with it"


def test_paylera_tries_again_on_the_clock(paylera: World) -> None:
    with paylera.receiver(events=["invoice.paid"]) as receiver:
        receiver.status = 500
        sign_up(paylera)
        first = receiver.expect_webhook("invoice.paid")
        receiver.status = 200
        paylera.clock.advance("PT15S")
        second = receiver.expect_webhook("invoice.paid")
        assert (first.answered, second.answered, first.raw) == (500, 200, second.raw)
        attempts = paylera.deliveries.list(status="succeeded")["deliveries"][0]["attempts"]
        assert [one["at"] for one in attempts] == ["2028-01-31T00:00:00Z", "2028-01-31T00:00:15Z"]


def test_paymennt(paymennt: World) -> None:
    with paymennt.receiver() as receiver:
        session = order(paymennt)
        paymennt.pay(session)
        assert receiver.expect_webhook("checkout.paid").body["id"] == session


def test_paymennt_signs_as_the_sandbox_was_told() -> None:
    with Sandbox.start("--strict", "--webhook-signature", "X-Sig:sha512:base64") as sandbox:
        world = sandbox.paymennt()
        with world.receiver(signature="X-Sig:sha512:base64") as receiver:
            order(world)
            assert len(receiver.expect_webhook("checkout.pending").headers["x-sig"]) == 88


@pytest.mark.parametrize("change", ["body", "secret"])
def test_what_is_not_signed_is_turned_away(change: str, paylera: World) -> None:
    with paylera.receiver() as receiver:
        if change == "secret":
            receiver.secret = "whsec_another"
            sign_up(paylera)
        else:
            sign_up(paylera)
            right = receiver.expect_webhook()
            forged = {**right.body, "type": "invoice.paid"}
            request = urllib.request.Request(receiver.url, json.dumps(forged).encode(), dict(right.headers))
            with pytest.raises(urllib.error.HTTPError, match="400") as refused:
                NONE.open(request)
            refused.value.close()
        with pytest.raises(ExpectationError, match="turned away: the signature in paylera-signature is not of this"):
            receiver.expect_webhook("invoice.paid", timeout=5)


VECTORS = [
    # The vector with which Svix's own libraries test themselves.
    (
        "paygentic",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        {
            "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "svix-timestamp": "1614265330",
            "Svix-Signature": "v1,old= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        1614265330,
    ),
    # The vendor's.
    (
        "paylera",
        "whsec_test_secret",
        {
            "Paylera-Signature": "t=1736179200,v1=old,"
            "v1=bd8795ee1fc65174977e1ec17bd330b473c3c691ba9ebf241e472cef6c49866a"
        },
        b'{"id":"evt_1","type":"invoice.paid"}',
        1736179200,
    ),
    # RFC 4231, test case 2.
    (
        "paymennt",
        "Jefe",
        {"X-Paymennt-Signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        b"what do ya want for nothing?",
        0,
    ),
]


@pytest.mark.parametrize(("provider", "secret", "headers", "body", "at"), VECTORS)
def test_vectors(provider: str, secret: str, headers: dict[str, str], body: bytes, at: int) -> None:
    verify_signature(provider, secret, headers, body, now=at + 299)
    with pytest.raises(LeapdayError, match="is not of this body and secret"):
        verify_signature(provider, secret, headers, body + b" ", now=at)
    with pytest.raises(LeapdayError, match="has no header"):
        verify_signature(provider, secret, {}, body, now=at)
    if provider != "paymennt":
        with pytest.raises(LeapdayError, match="not within 300 s of now"):
            verify_signature(provider, secret, headers, body, now=at + 301)
