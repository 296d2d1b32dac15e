"""Billing schedules through the vendor's client: intervals in, staged invoices out."""

import pytest
from paygentic_sdk import errors

from shop import at
from test_orders import fields, order
from test_surface import ids, refused

START, END = at("2028-01-31T00:00:00Z"), at("2028-05-31T00:00:00Z")


@pytest.fixture
def made(client):
    return order(client, total="1000", lines=("1000",), default_payment_term_days=30)


@pytest.fixture
def schedule(client, made):
    return plan(client, made)


def plan(sdk, made, **more):
    return sdk.billing_schedules.create_billing_schedule(
        order_id=made.id, start_date=START, end_date=END, billing_anchor=START, **more
    )


def interval(**more):
    return {"base_quantity": "1", "billing_cadence": "P1M", "start_date": START, "end_date": END} | more


def replace(sdk, schedule, *intervals, **more):
    return sdk.billing_schedules.replace_schedule_intervals(id=schedule.id, intervals=list(intervals), **more)


def test_a_schedule_is_made_read_listed_changed_and_deleted(client, made, schedule):
    assert (schedule.object, schedule.order_id, schedule.status) == ("billing_schedule", made.id, "draft")
    policies = (schedule.alignment_policy, schedule.proration_policy, schedule.period_preset)
    assert policies == ("anchor", "none", "P1M")
    assert client.billing_schedules.get_billing_schedule(id=schedule.id) == schedule
    assert ids(client.billing_schedules.list_billing_schedules(request={"order_id": made.id})) == [schedule.id]
    assert [shown.id for shown in client.orders.get_order(id=made.id).billing_schedules] == [schedule.id]
    changed = client.billing_schedules.update_billing_schedule(
        id=schedule.id, status="active", proration_policy="daily", payment_term_days=10, metadata={"po": "7"}
    )
    assert (changed.status, changed.proration_policy, changed.payment_term_days) == ("active", "daily", 10)
    assert changed.metadata == {"po": "7"}
    client.billing_schedules.delete_billing_schedule(id=schedule.id)
    assert client.billing_schedules.get_billing_schedule(id=schedule.id).deleted_at
    refused(errors.Error, 404, client.billing_schedules.delete_billing_schedule, id=schedule.id)
    assert ids(client.billing_schedules.list_billing_schedules(request={"order_id": made.id})) == []
    refused(errors.Error, 404, client.billing_schedules.list_billing_schedules, request={"order_id": "ord_nobody"})


def test_windows_of_ones_own(client, made):
    cut = at("2028-03-15T00:00:00Z")
    spans = [(START, cut), (cut, END)]
    windows = [{"startDate": begin.isoformat(), "endDate": end.isoformat()} for begin, end in spans]
    own = plan(client, made, period_preset="custom", custom_period_windows=windows)
    assert [at(window["endDate"]) for window in own.custom_period_windows] == [cut, END]
    replace(client, own, interval(unit_price="10"))
    staged = client.billing_schedules.generate_schedule_invoices(id=own.id).data
    assert [(invoice.period_start, invoice.amount) for invoice in staged] == [(cut, "20.00"), (START, "20.00")]


def test_a_total_is_spread_to_the_cent_and_staged_again(client, made, schedule):
    line = made.line_items[0].id
    intervals = replace(client, schedule, interval(order_line_item_id=line, description="Licence"))
    assert ids(client.billing_schedules.list_schedule_intervals(id=schedule.id)) == ids(intervals)
    (only,) = intervals.data
    assert (only.object, only.schedule_id, only.order_line_item_id) == ("schedule_interval", schedule.id, line)
    assert (only.billing_cadence, only.billing_mode, only.unit_price) == ("P1M", "advance", None)
    staged = client.billing_schedules.generate_schedule_invoices(id=schedule.id)
    # Newest first; month ends clamp to 29 February and 30 April; due 30 days after each.
    assert [(f"{row.period_start:%m-%d}", f"{row.due_date:%m-%d}", row.amount) for row in staged.data] == [
        ("04-30", "05-30", "250.00"),
        ("03-31", "04-30", "250.00"),
        ("02-29", "03-30", "250.00"),
        ("01-31", "03-01", "250.00"),
    ]
    assert {row.status for row in staged.data} == {"staged"}
    assert [item.description for item in staged.data[0].line_items] == ["Licence"]
    assert client.billing_schedules.generate_schedule_invoices(id=schedule.id) == staged
    assert client.billing_schedules.list_schedule_invoices(id=schedule.id).data == staged.data


def test_quantities_that_change_and_what_is_billed_once(client, made):
    daily = plan(client, made, proration_policy="daily")
    seats = interval(
        unit_price="31",
        billing_mode="arrears",
        quantity_transitions=[{"effective_date": at("2028-02-10T00:00:00Z"), "quantity": "2"}],
    )
    setup = interval(unit_price="99.99", billing_cadence="one_off", bill_date=at("2028-02-01T00:00:00Z"))
    replaced = replace(client, daily, seats, setup)
    assert replaced.data[0].quantity_transitions[0].quantity == "2"
    staged = client.billing_schedules.generate_schedule_invoices(id=daily.id).data
    # 10 and 19 of 29 days: 31 × 10 ÷ 29 and 62 × 19 ÷ 29 are 10.69 and 40.62, together 51.31.
    assert [row.amount for row in reversed(staged)] == ["99.99", "51.31", "62.00", "62.00", "62.00"]
    assert [item.subtotal for item in staged[-2].line_items] == ["10.69", "40.62"]


def test_changed_billing_takes_an_order_out_of_review(client, made, schedule):
    review = client.orders.create_order_approval(order_id=made.id, requester="usr_alice")
    replace(client, schedule, interval(unit_price="1"))
    assert client.approvals.get_approval(id=review.id).decision == "cancelled"
    assert client.orders.get_order(id=made.id).approval_status == "draft"
    review = client.orders.create_order_approval(order_id=made.id, requester="usr_alice")
    client.approvals.update_approval(id=review.id, decision="approved", actor_id="usr_bob")
    approved = refused(errors.Error, 409, replace, client, schedule, interval(unit_price="2"))
    assert approved.data.code == "ORDER_APPROVED"


def test_conflicts_and_what_is_wrong(client, made, schedule):
    schedules = client.billing_schedules
    empty = refused(errors.Error, 409, schedules.generate_schedule_invoices, id=schedule.id)
    assert empty.data.code == "SCHEDULE_HAS_NO_INTERVALS"
    wrong = refused(errors.BadRequest, 400, replace, client, schedule, interval())
    assert fields(wrong) == ["intervals.0.unitPrice"]
    refused(errors.Error, 404, replace, client, schedule, interval(order_line_item_id="oli_nobody"))
    wrong = refused(errors.BadRequest, 400, schedules.update_billing_schedule, id=schedule.id, end_date=START)
    assert fields(wrong) == ["endDate"]
    wrong = refused(errors.BadRequest, 400, plan, client, made, subscription_id="sub_1")
    assert fields(wrong) == ["subscriptionId"]
    replace(client, schedule, interval(unit_price="1"))
    schedules.generate_schedule_invoices(id=schedule.id)
    schedules.update_billing_schedule(id=schedule.id, status="cancelled")
    assert {row.status for row in schedules.list_schedule_invoices(id=schedule.id).data} == {"cancelled"}
    over = refused(errors.Error, 409, schedules.update_billing_schedule, id=schedule.id, status="active")
    assert over.data.code == "SCHEDULE_OVER"
    for call in (schedules.get_billing_schedule, schedules.list_schedule_intervals, schedules.list_schedule_invoices):
        refused(errors.Error, 404, call, id="bsch_nobody")
