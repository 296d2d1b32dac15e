"""Approvals through the vendor's client: who asks does not decide."""

import pytest
from paygentic_sdk import Paygentic, errors

import sandbox
from shop import MERCHANT
from test_orders import fields, order
from test_surface import ids, refused


@pytest.fixture
def user(world):
    """The same world through the key of one of its users."""
    clients = []

    def of(name):
        client = Paygentic(
            bearer_auth=f"{world.key}.{name}", server_url=world.base, timeout_ms=sandbox.TIMEOUT_S * 1000
        )
        clients.append(client)
        return client.__enter__()

    yield of
    for client in clients:
        client.__exit__(None, None, None)


def ask(sdk, resource_id, **more):
    return sdk.approvals.create_approval(
        merchant_id=MERCHANT, resource_type="order", resource_id=resource_id, data_snapshot_hash="h1", **more
    )


def test_an_order_is_approved_by_another_user(client, user):
    alice, bob = user("alice"), user("bob")
    made = order(client)
    asked = ask(alice, made.id, note="Please")
    assert (asked.object, asked.decision, asked.kind) == ("approval", "pending", "data_review")
    assert (asked.requester, asked.reviewer, asked.decided_at) == ("usr_alice", None, None)
    own = refused(errors.Error, 403, alice.approvals.update_approval, id=asked.id, decision="approved")
    assert own.data.code == "REVIEWER_IS_REQUESTER"
    decided = bob.approvals.update_approval(id=asked.id, decision="approved", note="Fine")
    assert (decided.decision, decided.reviewer, decided.note) == ("approved", "usr_bob", "Fine")
    assert decided.decided_at and client.approvals.get_approval(id=asked.id) == decided
    assert client.orders.get_order(id=made.id).approval_status == "approved"
    assert refused(errors.Error, 409, ask, bob, made.id).data.code == "ALREADY_APPROVED"
    again = refused(errors.Error, 409, bob.approvals.update_approval, id=asked.id, decision="rejected")
    assert again.data.code == "APPROVAL_DECIDED"
    assert alice.approvals.update_approval(id=asked.id, decision="cancelled").decision == "cancelled"
    assert client.orders.get_order(id=made.id).approval_status == "draft"


def test_reviews_are_listed_by_what_they_are_about(client):
    one, other = order(client), order(client)
    data = ask(client, one.id)
    push = ask(client, one.id, kind="push", actor_id="usr_carol")
    elsewhere = ask(client, other.id)
    client.approvals.update_approval(id=push.id, decision="rejected", actor_id="usr_bob")
    for filters, expected in [
        ({}, [data, push, elsewhere]),
        ({"resource_id": one.id}, [data, push]),
        ({"resource_type": "invoice"}, []),
        ({"kind": "push"}, [push]),
        ({"decision": "pending"}, [data, elsewhere]),
        ({"merchant_id": MERCHANT, "limit": 1, "offset": 2}, [elsewhere]),
    ]:
        assert ids(client.approvals.list_approvals(request=filters)) == [row.id for row in expected], filters


def test_what_is_wrong_is_told(client):
    made = order(client)
    assert refused(errors.Error, 404, ask, client, "ord_nobody").data.error == "not_found"
    ask(client, made.id)
    assert refused(errors.Error, 409, ask, client, made.id).data.code == "APPROVAL_PENDING"
    assert refused(errors.Error, 409, ask, client, order(client, lines=()).id).data.code == "ORDER_HAS_NO_LINES"
    wrong = refused(errors.BadRequest, 400, ask, client, made.id, actor_id="a" * 129)
    assert fields(wrong) == ["actorId"]
    refused(errors.Error, 404, client.approvals.get_approval, id="apr_nobody")
    refused(errors.Error, 404, client.approvals.update_approval, id="apr_nobody", decision="approved")
