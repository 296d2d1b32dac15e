"""Orders and their lines through the vendor's client."""

import json

import pytest
from paygentic_sdk import errors

import shop
from shop import at
from test_surface import ids, refused

TERM = {"term_start_date": at("2028-01-31T00:00:00Z"), "term_end_date": at("2029-01-31T00:00:00Z")}


def line(total, **more):
    return {"quantity": "1", "list_unit_price": total, "unit_price": total, "total_price": total} | more


def order(sdk, total="100", lines=("100",), **more):
    lines = [line(amount) for amount in lines]
    customer_id = shop.customer(sdk)
    return sdk.orders.create_order(
        customer_id=customer_id, currency="USD", total_amount=total, line_items=lines, **TERM, **more
    )


def fields(refusal):
    """The fields that a 400 names. The client reads its body as a plain error and drops them."""
    return [error["field"] for error in json.loads(refusal.body)["errors"]]


@pytest.fixture
def made(client):
    return order(client, type_="renewal", default_payment_term_days=30, metadata={"deal": "7"})


def test_an_order_is_made_read_and_listed(client, made):
    assert (made.object, made.approval_status, made.total_amount, made.type) == ("order", "draft", "100.00", "renewal")
    assert (made.default_payment_term_days, made.metadata, made.cancelled_at) == (30, {"deal": "7"}, None)
    assert (made.term_start_date, made.term_end_date) == tuple(TERM.values())
    assert [item.total_price for item in made.line_items] == ["100"] and made.billing_schedules == []
    assert client.orders.get_order(id=made.id) == made
    other = order(client, total="5", lines=())
    assert ids(client.orders.list_orders(request={"customer_id": made.customer_id})) == [made.id, other.id]
    assert ids(client.orders.list_orders(request={"type": "renewal", "status": "draft"})) == [made.id]
    page = client.orders.list_orders(request={"limit": 1, "offset": 1})
    assert ids(page) == [other.id] and page.pagination.total == 2


def test_an_order_is_changed_cancelled_and_deleted(client, made):
    changed = client.orders.update_order(id=made.id, type_="expansion", tax_exempt=True, selling_entity="Shop Ltd")
    assert (changed.type, changed.tax_exempt, changed.selling_entity) == ("expansion", True, "Shop Ltd")
    assert changed.line_items == made.line_items
    cancelled = client.orders.update_order(id=made.id, cancelled_at=at("2028-02-01T00:00:00Z"))
    assert cancelled.cancelled_at == at("2028-02-01T00:00:00Z")
    assert ids(client.orders.list_orders(request={"status": "cancelled"})) == [made.id]
    assert client.orders.update_order(id=made.id, cancelled_at=None).cancelled_at is None
    client.orders.delete_order(id=made.id)
    refused(errors.Error, 404, client.orders.get_order, id=made.id)
    refused(errors.Error, 404, client.orders.delete_order, id=made.id)


def test_the_total_follows_the_lines(client, made):
    added = client.orders.create_order_line_item(order_id=made.id, **line("60.50", list_unit_price="75.00"))
    assert (added.order_id, added.discount_unit_amount, added.item_id) == (made.id, "14.50", None)
    assert client.orders.get_order(id=made.id).total_amount == "160.50"
    half = client.orders.update_order_line_item(
        order_id=made.id, id=added.id, quantity="0.5", total_price="30.25", description="Half a year"
    )
    assert (half.quantity, half.unit_price, half.description) == ("0.5", "60.50", "Half a year")
    assert client.orders.get_order(id=made.id).total_amount == "130.25"
    client.orders.delete_order_line_item(order_id=made.id, id=added.id)
    assert client.orders.get_order(id=made.id).total_amount == "100.00"
    refused(errors.Error, 404, client.orders.delete_order_line_item, order_id=made.id, id=added.id)


def test_what_was_agreed_stands_still_in_review(client, made):
    review = client.orders.create_order_approval(order_id=made.id, requester="usr_alice", note="Please")
    assert (review.object, review.resource_type, review.resource_id) == ("approval", "order", made.id)
    assert (review.kind, review.decision, review.requester) == ("data_review", "pending", "usr_alice")
    assert client.orders.get_order(id=made.id).approval_status == "pending"
    for call, named in [
        (client.orders.update_order, {"id": made.id, "tax_exempt": True}),
        (client.orders.create_order_line_item, {"order_id": made.id} | line("1")),
        (client.orders.update_order_line_item, {"order_id": made.id, "id": made.line_items[0].id, "quantity": "2"}),
    ]:
        assert "in review" in refused(errors.BadRequest, 400, call, **named).data.message
    twice = refused(errors.PaygenticDefaultError, 409, client.orders.create_order_approval, order_id=made.id)
    assert "APPROVAL_PENDING" in twice.body
    client.approvals.update_approval(id=review.id, decision="cancelled")
    assert client.orders.update_order(id=made.id, tax_exempt=True).approval_status == "draft"


def test_what_is_wrong_is_told_by_field(client):
    empty = order(client, lines=())
    none = refused(errors.PaygenticDefaultError, 409, client.orders.create_order_approval, order_id=empty.id)
    assert "ORDER_HAS_NO_LINES" in none.body
    refused(errors.PaygenticDefaultError, 404, client.orders.create_order_approval, order_id="ord_nobody")
    wrong = refused(errors.BadRequest, 400, order, client, total="99")
    assert fields(wrong) == ["totalAmount"]
    wrong = refused(
        errors.BadRequest, 400, client.orders.update_order, id=empty.id, term_end_date=at("2028-01-01T00:00:00Z")
    )
    assert fields(wrong) == ["termEndDate"]
    nobodys = {"customer_id": "cus_nobody", "currency": "USD", "total_amount": "1"} | TERM
    refused(errors.Error, 404, client.orders.create_order, **nobodys)
