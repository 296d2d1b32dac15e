"""Every operation in scope, called once through the vendor's client, and the errors that its documents promise.

That the client returns a model at all is half of each test: it parses every answer strictly and raises if a field that it
needs is missing, null or of another type.
"""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from paygentic_sdk import Paygentic, errors

import shop
from conftest import World
from sandbox import address_of, local
from shop import ANCHOR, DECLINED_CARD, EVENT_TYPE, GOOD_CARD, MERCHANT, at

FIRST_RENEWAL_ISSUED = "2028-03-01T00:00:00Z"
SECOND_RENEWAL_ISSUED = "2028-04-01T00:00:00Z"
MISSING = "0000000000000000"


@pytest.fixture
def opened(world):
    return shop.open_shop(world)


def unpaid_invoice(world, **how):
    """A shop whose first renewal was issued and is not paid."""
    opened = shop.open_shop(world, **how)
    shop.jump(world.sdk, opened.clock.id, FIRST_RENEWAL_ISSUED)
    return SimpleNamespace(opened=opened, invoice=shop.invoices(world.sdk, opened.subscription.id)[1])


def ids(answer):
    return [row.id for row in answer.data]


def refused(kind, status, call, /, *arguments, **named):
    """The typed exception that the client makes of a refusal."""
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    assert type(caught.value) is kind
    assert caught.value.status_code == status, caught.value.body
    return caught.value


# Catalogue


def test_products(client):
    first, second = shop.product(client, "First"), shop.product(client, "Second")
    assert first.id.startswith("prod_") and first.object == "product" and first.merchant_id == MERCHANT
    assert first.metadata == {}
    assert client.products.get(id=first.id) == first
    listed = client.products.list(request={"merchant_id": MERCHANT, "limit": 1, "offset": 1})
    assert len(listed.data) == 1
    assert (listed.pagination.limit, listed.pagination.offset) == (1, 1)
    assert {first.id, second.id} <= set(ids(client.products.list(request={"limit": 100})))
    renamed = client.products.update(id=first.id, name="Renamed", description="Now better")
    assert (renamed.id, renamed.name, renamed.description) == (first.id, "Renamed", "Now better")


def test_fees(client):
    product_id = shop.product(client).id
    fee = shop.fee(client, product_id)
    assert fee.id.startswith("fee_") and fee.item_id is None and fee.product_id == product_id
    assert client.fees.get(id=fee.id) == fee
    assert ids(client.fees.list(merchant_id=MERCHANT, product_id=product_id)) == [fee.id]
    assert client.fees.update(id=fee.id, name="Seat").name == "Seat"
    client.fees.delete(id=fee.id)
    refused(errors.Error, 404, client.fees.get, id=fee.id)


def test_billable_metrics(client):
    product_id = shop.product(client).id
    metric = shop.metric(client, product_id, group_by={"model": "$.model"})
    assert metric.id.startswith("bm_") and metric.item_id is None
    assert (metric.aggregation, metric.event_type, metric.value_property) == ("SUM", EVENT_TYPE, "$.tokens")
    assert metric.group_by == {"model": "$.model"}
    assert client.billable_metrics.get(id=metric.id) == metric
    assert ids(client.billable_metrics.list(merchant_id=MERCHANT, product_id=product_id)) == [metric.id]
    assert client.billable_metrics.update(id=metric.id, name="Tokens, all").name == "Tokens, all"


def test_events_and_meters(client):
    metric = shop.metric(client, shop.product(client).id, group_by={"model": "$.model"})
    subject = client.customers.create(merchant_id=MERCHANT, consumer=shop.CONSUMER, external_id="crm-1").customer_id
    sent = shop.ingest(client, subject, "2028-02-01T10:00:00Z", 100, "one", model="small")
    assert (sent.object, sent.type, sent.subject, sent.idempotency_key) == ("event", EVENT_TYPE, subject, "one")
    assert sent.id and sent.timestamp == at("2028-02-01T10:00:00Z")
    shop.ingest(client, subject, "2028-02-01T10:00:00Z", 100, "one", model="small")
    shop.ingest(client, subject, "2028-02-02T10:00:00Z", 20.5, "two", model="large")
    through_crm = client.events.ingest(
        request={
            "type": EVENT_TYPE,
            "source": "crm",
            "external_subject": "crm-1",
            "external_id": "call-7",
            "data": {"tokens": 3, "model": "large"},
            "timestamp": at("2028-02-02T11:00:00Z"),
        }
    )
    assert through_crm.external_subject == "crm-1"

    window = {"id": metric.id, "from_": at("2028-02-01T00:00:00Z"), "to": at("2028-02-03T00:00:00Z")}
    plain = client.billable_metrics.meter(**window)
    assert (plain.object, plain.billable_metric_id, plain.total_value) == ("meter", metric.id, 123.5)
    assert client.billable_metrics.meter(**window, subject=subject).total_value == 123.5
    daily = client.billable_metrics.meter(**window, window_size="DAY")
    assert [(day.window_start, day.value) for day in daily.windowed_values if day.value] == [
        (at("2028-02-01T00:00:00Z"), 100),
        (at("2028-02-02T00:00:00Z"), 23.5),
    ]
    grouped = client.billable_metrics.meter(**window, group_by="model")
    assert {group.group_by["model"]: group.value for group in grouped.grouped_values} == {"small": 100, "large": 23.5}

    events = client.billable_metrics.list_events(**window)
    assert events.billable_metric_id == metric.id and events.pagination.total == 3
    assert [event.time for event in events.events] == sorted((event.time for event in events.events), reverse=True)
    (found,) = client.billable_metrics.list_events(**window, external_id="call-7").events
    assert (found.object, found.data) == ("meterEvent", {"tokens": 3, "model": "large"})


def test_prices(client):
    product_id = shop.product(client).id
    fee_id, metric_id = shop.fee(client, product_id).id, shop.metric(client, product_id).id
    ahead, behind = shop.fee_price(client, fee_id), shop.token_price(client, metric_id)
    assert ahead.id.startswith("price_") and ahead.fee_id == fee_id and not ahead.billable_metric_id
    assert (ahead.model, ahead.payment_term, ahead.billing_cadence, ahead.quantity) == ("standard", "in_advance", "P1M", 1)
    assert ahead.properties.unit_price == "49.90"
    assert ahead.tax.supply_scope == "IN_SCOPE"
    assert behind.billable_metric_id == metric_id and not behind.fee_id

    ladder = client.prices.create(
        invoice_display_name="Tokens by volume",
        billable_metric_id=metric_id,
        model="volume",
        payment_term="in_arrears",
        properties={"tiers": [{"up_to": "100", "unit_price": "5"}, {"up_to": None, "unit_price": "3"}]},
    )
    assert [(tier.up_to, tier.unit_price) for tier in ladder.properties.tiers] == [("100", "5"), (None, "3")]

    assert client.prices.get(id=ladder.id) == ladder
    assert set(ids(client.prices.list(request={"billable_metric_id": metric_id}))) == {behind.id, ladder.id}
    assert {ahead.id, behind.id, ladder.id} <= set(ids(client.prices.list(request={"merchant_id": MERCHANT, "limit": 100})))
    assert client.prices.update(id=behind.id, properties={"unit_price": "0.003"}).properties.unit_price == "0.003"
    client.prices.delete(id=ladder.id)
    refused(errors.Error, 404, client.prices.get, id=ladder.id)


def test_plans(client):
    goods = shop.catalogue(client)
    plan = goods.plan
    assert plan.id.startswith("plan_") and plan.object == "plan" and plan.currency == "USD"
    assert (plan.billing_cadence, plan.default_tax_rate, plan.tax_behavior) == ("P1M", 8.5, "exclusive")
    assert (plan.version_transition.effective_date, plan.version_transition.proration) == ("end_of_current_period", "none")
    assert [price.id for price in plan.prices] == [goods.fee_price.id, goods.token_price.id]
    assert client.plans.get(id=plan.id) == plan
    assert ids(client.plans.list(request={"product_id": goods.product.id})) == [plan.id]
    assert client.plans.update(id=plan.id, name="Pro Plus").name == "Pro Plus"

    keyed = shop.plan(client, goods.product.id, [{"price_id": goods.fee_price.id, "key": "base"}], "Keyed")
    assert [price.id for price in keyed.prices] == [goods.fee_price.id]


def test_available_plans(world, client, opened):
    taken, free = opened.catalogue.plan, shop.usage_only_plan(client).plan
    available = ids(client.plans.list_available(customer_id=opened.customer_id, limit=100))
    assert free.id in available and taken.id not in available
    assert ids(client.plans.list_available(customer_id=opened.customer_id, search="uSaGe")) == [free.id]


# Customers


def test_customers(client):
    created = client.customers.create(
        merchant_id=MERCHANT, consumer=shop.CONSUMER, external_id="crm-1", tax_rates={"default": 5}
    )
    assert created.valid_tax_address.valid is True
    customer = client.customers.get(id=created.customer_id)
    assert customer.object == "customer" and customer.consumer_id.startswith("org_")
    assert (customer.merchant_id, customer.external_id) == (MERCHANT, "crm-1")
    assert customer.tax_rates == {"default": 5}
    assert (customer.organization.name, customer.organization.address.zip_code) == ("John Doe", "94105")

    again = client.customers.create(merchant_id=MERCHANT, consumer=shop.CONSUMER)
    assert again.customer_id == customer.id

    other_id = shop.customer(client, name="Ann Other", email="ann.other@example.com")
    assert {customer.id, other_id} <= set(ids(client.customers.list(organization_id=MERCHANT, limit=100)))
    for one in ({"name": "JOHN"}, {"email": "doe@EXAMPLE"}, {"external_id": "crm-1"}):
        found = ids(client.customers.list(organization_id=MERCHANT, limit=100, **one))
        assert customer.id in found and other_id not in found

    changed = client.customers.update(
        id=customer.id, external_id=None, tax_rates={"default": 7.25}, notification_settings={"invoice_paid": False}
    )
    assert not changed.external_id
    assert changed.tax_rates == {"default": 7.25}
    assert changed.notification_settings.invoice_paid is False
    assert client.customers.update(id=customer.id, tax_rates=6).tax_rates == {"default": 6}

    client.customers.delete(id=customer.id)
    refused(errors.Error, 404, client.customers.get, id=customer.id)


def test_payment_methods(client, control):
    customer_id = shop.customer(client)
    assert client.customers.list_customer_payment_methods(id=customer_id).data == []
    session = client.customers.create_customer_payment_method(
        id=customer_id, success_redirect_url="https://example.com/saved", metadata={"from": "settings"}
    )
    assert session.object == "paymentSession" and session.id.startswith("ps_")
    assert (session.mode, session.status) == ("setup", "pending")
    assert local(session.url)
    assert session.expires_at - session.created_at == timedelta(days=30)

    shop.complete(control, session.id)
    (method,) = client.customers.list_customer_payment_methods(id=customer_id).data
    assert method.object == "paymentMethod"
    assert (method.type, method.brand, method.last4) == ("card", "visa", GOOD_CARD[-4:])


# Subscriptions


def test_subscription_with_its_customer(client, control, opened):
    created = client.subscriptions.create(
        name="Inline",
        plan_id=shop.usage_only_plan(client).plan.id,
        started_at=at(ANCHOR),
        customer=shop.CONSUMER | {"email": "inline@example.com"},
        test_clock_id=opened.clock.id,
        metadata={"seats": 3, "trial": False, "source": "web"},
        renewal_reminder_days=7,
        version_policy="pinned",
    )
    assert created.status == "active" and created.payment is None
    assert created.id.startswith("sub_") and created.object == "subscription" and created.merchant_id == MERCHANT
    assert (created.payment_term_days, created.version_number, created.version_policy) == (0, 1, "pinned")
    assert created.elapsed_period_billing in ("none", None)
    assert created.billing_starts_at in (at(ANCHOR), None)
    assert created.metadata == {"seats": 3, "trial": False, "source": "web"}
    assert created.renewal_reminder_days == 7
    assert created.ending_at is created.terminated_at is created.terminated_by is created.termination_reason is None
    assert client.subscriptions.get(id=created.id) == created


def test_subscription_filters(client, opened):
    sub, customer_id = opened.subscription, opened.customer_id
    consumer_id = client.customers.get(id=customer_id).consumer_id
    earlier = "2028-01-30T18:00:00Z"
    other = shop.subscription(client, shop.usage_only_plan(client).plan.id, customer_id, opened.clock.id, earlier)
    pending = shop.subscription(client, shop.catalogue(client).plan.id, customer_id, opened.clock.id)

    def listed(**filters):
        return set(ids(client.subscriptions.list(request={"limit": "100"} | filters)))

    assert listed(customer_id=customer_id) == {sub.id, other.id, pending.id}
    assert listed(consumer_id=consumer_id, merchant_id=MERCHANT) == {sub.id, other.id, pending.id}
    assert {sub.id, other.id, pending.id} <= listed(merchant_id=MERCHANT)
    assert listed(customer_id=customer_id, status=["pending_payment"]) == {pending.id}
    assert listed(customer_id=customer_id, status=["active", "pending_payment"]) == {sub.id, other.id, pending.id}
    assert listed(customer_id=customer_id, status=["terminated"]) == set()
    assert listed(customer_id=customer_id, started_before=at(earlier)) == {other.id}
    assert listed(customer_id=customer_id, started_before=at(ANCHOR)) == {sub.id, other.id, pending.id}

    page = client.subscriptions.list(request={"customer_id": customer_id, "limit": "1", "offset": "2"})
    assert len(page.data) == 1
    assert (page.pagination.limit, page.pagination.offset, page.pagination.total) == (1, 2, 3)

    (full,) = client.subscriptions.list(
        request={"customer_id": customer_id, "include": "customer", "status": ["pending_payment"]}
    ).data
    assert (full.customer.id, full.customer.consumer.id) == (customer_id, consumer_id)
    assert full.customer.consumer.email == shop.CONSUMER["email"]
    assert full.customer.merchant.id == MERCHANT

    both = {"customer_id": customer_id, "merchant_id": MERCHANT}
    refused(errors.BadRequest, 400, client.subscriptions.list, request=both)


def test_update_subscription(client, opened):
    changed = client.subscriptions.update_subscription(
        id=opened.subscription.id,
        auto_charge=True,
        tax_exempt=True,
        ending_at=at("2028-12-31T00:00:00Z"),
        renewal_reminder_enabled=False,
        version_policy="pinned",
    )
    assert (changed.auto_charge, changed.tax_exempt, changed.version_policy) == (True, True, "pinned")
    assert changed.ending_at == at("2028-12-31T00:00:00Z")
    assert changed.renewal_reminder_enabled is False
    assert client.subscriptions.get(id=changed.id) == changed


def test_terminate(client, opened):
    shop.jump(client, opened.clock.id, "2028-02-10T00:00:00Z")
    ended = client.subscriptions.terminate(id=opened.subscription.id, reason="No longer needed", change_reason="commercial")
    assert (ended.status, ended.terminated_at) == ("terminated", at("2028-02-10T00:00:00Z"))
    assert (ended.termination_reason, ended.termination_change_reason) == ("No longer needed", "commercial")
    again = refused(errors.Error, 409, client.subscriptions.terminate, id=ended.id, reason="Really")
    assert again.data.error == "conflict" and again.data.message


def test_portal(client, opened):
    portal = client.subscriptions.generate_portal_link(id=opened.subscription.id, expires_in="PT1H")
    assert portal.object == "subscriptionPortal" and portal.expires_at
    assert local(portal.url)


# Test clocks


def test_test_clocks(client):
    clock = client.test_clocks.create(current_time=at(ANCHOR), name="Leap year", description="29 February", merchant_id=MERCHANT)
    assert clock.id.startswith("tc_") and len(clock.id) == len("tc_") + 16
    assert (clock.current_time, clock.name, clock.merchant_id) == (at(ANCHOR), "Leap year", MERCHANT)
    assert not clock.deleted_at
    assert client.test_clocks.get(id=clock.id) == clock
    bare = client.test_clocks.create()
    assert {clock.id, bare.id} <= set(ids(client.test_clocks.list(request={"limit": 100})))

    by = client.test_clocks.advance(id=clock.id, request_body={"advance_by": "P1M"})
    assert by.current_time == at("2028-02-29T00:00:00Z")
    to = client.test_clocks.advance(id=clock.id, request_body={"current_time": at("2028-03-01T12:30:00Z")})
    assert to.current_time == at("2028-03-01T12:30:00Z")
    for backwards in ("2028-03-01T12:30:00Z", ANCHOR):
        refused(errors.Error, 400, client.test_clocks.advance, id=clock.id, request_body={"current_time": at(backwards)})
    refused(errors.Error, 400, client.test_clocks.advance, id=clock.id, request_body={"advance_by": "a while"})

    assert client.test_clocks.delete(id=clock.id).deleted_at
    left = ids(client.test_clocks.list(request={"limit": 100, "merchant_id": MERCHANT}))
    assert bare.id in left and clock.id not in left
    refused(errors.Error, 404, client.test_clocks.advance, id=clock.id, request_body={"advance_by": "P1D"})


# Invoices


def test_read_invoices(world, client):
    shown = unpaid_invoice(world)
    subscription_id, invoice = shown.opened.subscription.id, shown.invoice
    assert invoice.object == "invoice" and invoice.id.startswith("inv_") and invoice.merchant_id == MERCHANT

    def listed(**filters):
        return ids(client.invoices_v2.list(request={"limit": 100} | filters))

    assert listed(subscription_id=subscription_id, status="ISSUED") == [invoice.id]
    assert invoice.id in listed(customer_id=shown.opened.customer_id)
    assert invoice.id in listed(merchant_id=MERCHANT)

    short = client.invoices_v2.get(id=invoice.id)
    assert not short.line_items
    full = client.invoices_v2.get(id=invoice.id, expand="lineItems").line_items
    assert (full.invoice_id, full.total_count, len(full.line_items)) == (invoice.id, 2, 2)
    assert not full.next_page_token

    first = client.invoices_v2.get_line_items(id=invoice.id, limit=1)
    assert (first.total_count, len(first.line_items)) == (2, 1) and first.next_page_token
    second = client.invoices_v2.get_line_items(id=invoice.id, limit=1, page_token=first.next_page_token)
    assert len(second.line_items) == 1 and not second.next_page_token
    assert first.line_items + second.line_items == full.line_items


def test_line_item_ledger(world, client):
    shown = unpaid_invoice(world)
    subscription_id, invoice = shown.opened.subscription.id, shown.invoice

    def ledger(**filters):
        return client.invoices_v2.list_line_items(request=filters)

    billed = ledger(invoice_id=invoice.id)
    assert (billed.object, billed.total_count) == ("list", 2)
    assert {(line.type, line.status, line.invoice_id) for line in billed.data} == {
        ("fee", "invoiced", invoice.id),
        ("metered", "invoiced", invoice.id),
    }
    everything = ledger(subscription_id=subscription_id)
    assert everything.summary.currency == "USD"
    assert {line.id for line in billed.data} < {line.id for line in everything.data}
    waiting = ledger(subscription_id=subscription_id, status="pending").data
    assert waiting and all(line.status == "pending" for line in waiting)
    (metered,) = [line for line in waiting if line.type == "metered"]
    assert not metered.quantity and not metered.metered_quantity
    assert (metered.period_start, metered.invoice_at) == (at("2028-02-29T00:00:00Z"), at("2028-03-31T00:00:00Z"))


def test_projected_invoices(client, opened):
    projected = client.invoices_v2.list_projected_invoices(
        subscription_id=opened.subscription.id, from_=at(ANCHOR), to=at("2028-05-01T00:00:00Z")
    )
    assert projected.pagination.total == len(projected.data) == 3
    assert {invoice.status for invoice in projected.data} == {"PROJECTED"}
    assert {invoice.subtotal for invoice in projected.data} == {"49.90"}
    refused(errors.Error, 404, client.invoices_v2.get, id=projected.data[0].id)


def test_pdf(world, client):
    answer = client.invoices_v2.download_invoice_pdf(id=unpaid_invoice(world).invoice.id)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.read().startswith(b"%PDF-")


def test_pay_out_of_band(world, client):
    invoice = unpaid_invoice(world).invoice
    paid = client.invoices_v2.record_invoice_payment(id=invoice.id, method="out_of_band", reason="Bank transfer")
    assert (paid.method, paid.invoice.id, paid.invoice.status) == ("out_of_band", invoice.id, "PAID")
    assert (paid.invoice.paid_amount, paid.invoice.unpaid_amount) == (invoice.grand_total, "0.00")
    assert paid.invoice.paid_at == at(FIRST_RENEWAL_ISSUED)
    refused(errors.Error, 409, client.invoices_v2.record_invoice_payment, id=invoice.id, method="out_of_band")
    no_link = refused(
        errors.UnprocessableEntityError, 422, client.invoices_v2.record_invoice_payment, id=invoice.id, method="hosted_link"
    )
    assert no_link.data.code == "INVOICE_NOT_LINKABLE_STATUS"


def test_pay_by_link(world, client, control):
    invoice = unpaid_invoice(world).invoice
    link = client.invoices_v2.record_invoice_payment(id=invoice.id, method="hosted_link")
    assert link.method == "hosted_link" and link.provider in ("stripe", "airwallex")
    assert link.payment_session_id.startswith("ps_") and link.invoice.status == "ISSUED"
    assert local(link.payment_url)
    shop.complete(control, link.payment_session_id)
    assert client.invoices_v2.get(id=invoice.id).status == "PAID"


def test_retry_payment(world, client, control):
    opened = shop.open_shop(world, auto_charge=True, save_card=True)
    methods = f"/customers/{opened.customer_id}/payment-methods"
    control.post(methods, {"card": {"number": DECLINED_CARD}})
    shop.jump(client, opened.clock.id, SECOND_RENEWAL_ISSUED)
    _, first, second, _ = shop.invoices(client, opened.subscription.id)
    assert (first.status, second.status) == ("PAYMENT_FAILED", "PAYMENT_FAILED")

    declined = refused(errors.RetryPaymentResponseError, 402, client.invoices_v2.retry_invoice_payment, id=first.id)
    assert (declined.data.object, declined.data.success, declined.data.invoice_id) == ("retry_payment_result", False, first.id)
    assert declined.data.error.code == "card_declined" and declined.data.error.message
    refused(errors.Error, 429, client.invoices_v2.retry_invoice_payment, id=first.id)

    control.post(methods, {"card": {"number": GOOD_CARD}})
    paid = client.invoices_v2.retry_invoice_payment(id=second.id, reason="New card")
    assert (paid.success, paid.invoice_id) == (True, second.id)
    assert client.invoices_v2.get(id=second.id).status == "PAID"


def test_retry_needs_auto_charge(world, client):
    refused(errors.BadRequest, 400, client.invoices_v2.retry_invoice_payment, id=unpaid_invoice(world).invoice.id)


def test_retry_needs_a_payment_method(world, client):
    invoice = unpaid_invoice(world, auto_charge=True).invoice
    assert invoice.status in ("ISSUED", "PAYMENT_FAILED")
    empty = refused(errors.RetryPaymentResponseError, 422, client.invoices_v2.retry_invoice_payment, id=invoice.id)
    assert empty.data.error.code == "no_payment_method"


def test_refund_and_void(world, client):
    invoice = unpaid_invoice(world).invoice
    refused(errors.BadRequest, 400, client.invoices_v2.create_invoice_refund, id=invoice.id)
    client.invoices_v2.record_invoice_payment(id=invoice.id, method="out_of_band")

    refund = client.invoices_v2.create_invoice_refund(id=invoice.id, reason="Goodwill")
    assert refund.object == "invoice_refund" and refund.id.startswith("crn_") and refund.external_credit_note_id
    assert (refund.amount, refund.tax_amount, refund.total) == (invoice.subtotal, invoice.total_tax, invoice.grand_total)
    assert (refund.status, refund.reason, refund.currency) == ("ISSUED", "Goodwill", "USD")
    assert client.invoices_v2.get(id=invoice.id).status == "PAID"
    assert ids(client.invoices_v2.list_invoice_refunds(id=invoice.id)) == [refund.id]
    refused(errors.BadRequest, 400, client.invoices_v2.create_invoice_refund, id=invoice.id)

    voided = client.invoices_v2.void_invoice_refund(id=invoice.id, refund_id=refund.id, reason="Mistake")
    assert (voided.id, voided.status) == (refund.id, "VOIDED") and voided.voided_at


# Payments


def test_payments(client, control):
    customer_id = shop.customer(client)
    order = {
        "amount": "49.99",
        "currency": "USD",
        "customer_id": customer_id,
        "reference": "ORD-12345",
        "idempotency_key": "order_12345",
        "expires_in": "P7D",
        "metadata": {"orderId": "order_12345"},
        "line_items": [{"description": "Pro Widget", "amount": "39.99"}, {"description": "Shipping", "amount": "10.00"}],
    }
    payment = client.payments.create(**order)
    assert payment.object == "payment" and payment.id.startswith("pay_")
    assert (payment.amount, payment.currency, payment.status) == ("49.99", "USD", "pending")
    assert payment.expires_at - payment.created_at == timedelta(days=7)
    assert payment.metadata == {"orderId": "order_12345"} and len(payment.line_items) == 2
    assert local(payment.payment_url)
    assert client.payments.create(**order).id == payment.id
    assert client.payments.get(id=payment.id) == payment
    assert ids(client.payments.list(request={"customer_id": customer_id, "status": "pending"})) == [payment.id]

    of_payment = {"entity_type": "payment", "customer_id": customer_id}
    (session,) = client.payment_sessions.list_payment_sessions(request=of_payment).data
    assert (session.object, session.entity_id, session.entity_label) == ("payment_session", payment.id, "ORD-12345")
    shop.complete(control, session.id)
    assert client.payments.get(id=payment.id).status == "completed"
    (session,) = client.payment_sessions.list_payment_sessions(request=of_payment).data
    assert session.status == "completed" and session.completed_at


def test_payment_sessions_of_a_subscription(world, client):
    opened = shop.open_shop(world, auto_charge=True, save_card=True)
    shop.jump(client, opened.clock.id, FIRST_RENEWAL_ISSUED)
    request = {"subscription_id": opened.subscription.id, "status": "completed", "limit": 100}
    sessions = client.payment_sessions.list_payment_sessions(request=request)
    assert opened.pending.payment.payment_session_id in ids(sessions)
    assert {session.currency for session in sessions.data} == {"USD"}
    of_customer = client.payment_sessions.list_payment_sessions(request={"customer_id": opened.customer_id, "limit": 100})
    assert set(ids(sessions)) <= set(ids(of_customer))


# Refusals


@pytest.mark.parametrize(
    "noun, prefix",
    [
        ("products", "prod"),
        ("fees", "fee"),
        ("billable_metrics", "bm"),
        ("prices", "price"),
        ("plans", "plan"),
        ("customers", "cus"),
        ("subscriptions", "sub"),
        ("test_clocks", "tc"),
        ("invoices_v2", "inv"),
        ("payments", "pay"),
    ],
)
def test_what_is_not_there(client, noun, prefix):
    missing = refused(errors.Error, 404, getattr(client, noun).get, id=f"{prefix}_{MISSING}")
    assert missing.data.error == "not_found" and missing.data.message


def test_validation_names_the_field(client):
    wrong = refused(
        errors.BadRequest,
        400,
        client.plans.create,
        name="Pro",
        currency="usd",
        merchant_id=MERCHANT,
        product_id=shop.product(client).id,
    )
    assert isinstance(wrong.data, errors.ValidationErrorData)
    assert wrong.data.error == "validation_error" and wrong.data.message
    assert [violation.field for violation in wrong.data.errors] == ["currency"]
    assert wrong.data.errors[0].message


def test_price_has_one_anchor(client):
    product_id = shop.product(client).id
    refused(
        errors.BadRequest,
        400,
        client.prices.create,
        invoice_display_name="Both",
        fee_id=shop.fee(client, product_id).id,
        billable_metric_id=shop.metric(client, product_id).id,
        model="standard",
        payment_term="in_arrears",
        billing_cadence="P1M",
        properties={"unit_price": "1.00"},
    )


def test_event_that_no_metric_reads(client):
    event = {"type": "nobody.listens", "source": "s", "subject": shop.customer(client), "data": {"tokens": 1}}
    refused(errors.Error, 422, client.events.ingest, request=event)


def test_delete_what_is_in_use(client, opened):
    goods = opened.catalogue
    price = refused(errors.DeletePriceConflictError, 409, client.prices.delete, id=goods.fee_price.id)
    (blocker,) = price.data.details.blockers
    assert blocker.count == 1 and blocker.items[0].id.startswith(("plan_", "pver_"))
    fee = refused(errors.DeleteFeeConflictError, 409, client.fees.delete, id=goods.fee.id)
    assert fee.data.details.blockers[0].items[0].id == goods.fee_price.id
    customer = refused(errors.DeleteCustomerConflictError, 409, client.customers.delete, id=opened.customer_id)
    assert customer.data.error == "conflict"
    assert opened.subscription.id in {item.id for blocker in customer.data.details.blockers for item in blocker.items}
    refused(errors.Error, 409, client.test_clocks.delete, id=opened.clock.id)


def test_live_key(client):
    """Any token opens a world of its own, but for one that looks live."""
    stranger = Paygentic(bearer_auth="sk_live_abc", server_url=address_of("LEAPDAY_PAYGENTIC"))
    refused(errors.Error, 401, stranger.products.list)


def test_worlds_do_not_meet(client):
    with World() as other:
        refused(errors.Error, 404, other.sdk.products.get, id=shop.product(client).id)


def test_async_client(client):
    async def life():
        async with client:
            product = await client.products.create_async(name="Async", description="Later", merchant_id=MERCHANT)
            return product, await client.products.get_async(id=product.id)

    product, read = asyncio.run(life())
    assert product == read
