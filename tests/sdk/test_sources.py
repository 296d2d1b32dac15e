"""Sources, their rules and events through the vendor's client.

What the vendor would read in Stripe comes in by raw HTTP: no client has a call for it.
"""

from types import SimpleNamespace

import pytest
from paygentic_sdk import errors

import shop
from shop import ANCHOR, MERCHANT, at
from test_surface import refused

PERCENT = "0.025"
EMAIL = shop.CONSUMER["email"]


def rule(client, source_id, name="Small", **more):
    conditions = [{"operator": "lessThan", "type": "amount", "value": 100}]
    return client.sources.rules.create(**{"source_id": source_id, "name": name, "conditions": conditions} | more)


@pytest.fixture
def market(world):
    """A customer who pays 2.5 % of what it sells, and the source that reads the sales."""
    sdk = world.sdk
    product = shop.product(sdk)
    metric = sdk.billable_metrics.create(
        name="Sales",
        description="What is sold",
        unit="USD",
        aggregation="SUM",
        event_type="sale",
        value_property="$.amount",
        merchant_id=MERCHANT,
        product_id=product.id,
    )
    price = sdk.prices.create(
        invoice_display_name="Share of sales",
        billable_metric_id=metric.id,
        model="standard",
        payment_term="in_arrears",
        properties={"unit_price": PERCENT},
    )
    plan = shop.plan(sdk, product.id, [price.id], "Share")
    customer_id = shop.customer(sdk)
    clock = sdk.test_clocks.create(current_time=at(ANCHOR))
    subscription = shop.subscription(sdk, plan.id, customer_id, clock.id)
    source = sdk.sources.create(
        name="Stripe",
        plan_id=plan.id,
        type_="stripe_revenue",
        description="Card payments",
        config={"ampersandProjectId": "proj_1"},
        metadata={"billableMetricMapping": {"revenue": metric.id}},
    )
    return SimpleNamespace(
        world=world, metric=metric, plan=plan, customer_id=customer_id, clock=clock,
        subscription=subscription, source=source,
    )


def sell(market, external_id, amount=50_000, **more):
    sale = {
        "externalEventId": external_id, "amount": amount, "currency": "usd", "customerEmail": EMAIL,
        "occurredAt": "2028-02-10T09:30:00Z",
    }
    answer = market.world.raw.post(f"/v0/sources/{market.source.id}/events", json=sale | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_sources(client, market):
    source = market.source
    assert source.id.startswith("src_") and source.object == "source" and source.merchant_id == MERCHANT
    assert (source.enabled, source.processing_mode, source.type) == (True, "automatic", "stripe_revenue")
    assert client.sources.get(id=source.id) == source
    listed = client.sources.list(request={"merchant_id": MERCHANT, "plan_id": market.plan.id})
    assert listed.data == [source] and listed.pagination.total == 1
    changed = client.sources.update(id=source.id, name="All of Stripe", processing_mode="manual", enabled=False)
    assert (changed.name, changed.processing_mode, changed.enabled) == ("All of Stripe", "manual", False)
    assert changed.metadata == source.metadata

    refused(errors.Error, 404, client.sources.get, id="src_nobody")
    refused(errors.Error, 404, client.sources.update, id="src_nobody", name="A")
    wanted = {"name": "A", "plan_id": "plan_nobody", "type_": "stripe_revenue"}
    refused(errors.Error, 404, client.sources.create, **wanted)
    unmapped = {"metadata": {"billableMetricMapping": {"revenue": 7}}}
    refused(errors.BadRequest, 400, client.sources.create, **wanted | {"plan_id": market.plan.id} | unmapped)
    refused(errors.BadRequest, 400, client.sources.update, id=source.id, **unmapped)


def test_source_rules(client, market):
    last = rule(client, market.source.id, "Last", order=999, description="Whatever is left")
    first = rule(client, market.source.id, "First", enabled=False)
    assert first.id.startswith("rule_") and first.source_id == market.source.id
    assert (first.order, first.enabled, first.description) == (0, False, "")
    assert (first.evaluation_count, first.match_count, first.last_evaluated_at) == (0, 0, None)
    assert client.sources.rules.get(rule_id=first.id) == first
    assert client.sources.rules.list(source_id=market.source.id).data == [first, last]

    between = [{"operator": "between", "type": "date", "value": {"from": "2028-02-01", "to": "2028-02-29"}}]
    changed = client.sources.rules.update(rule_id=last.id, conditions=between, order=1)
    assert changed.order == 1
    kept = changed.conditions[0]
    assert (kept.operator, kept.type) == ("between", "date")
    assert (kept.value.from_, kept.value.to) == ("2028-02-01", "2028-02-29")
    client.sources.rules.delete(rule_id=first.id)
    refused(errors.Error, 404, client.sources.rules.get, rule_id=first.id)
    refused(errors.Error, 404, client.sources.rules.delete, rule_id=first.id)
    refused(errors.Error, 404, client.sources.rules.list, source_id="src_nobody")
    refused(errors.Error, 404, client.sources.rules.update, rule_id="rule_nobody", name="A")

    mismatch = [{"operator": "domain", "type": "amount", "value": "a.com"}]
    wrong = refused(errors.BadRequest, 400, rule, client, market.source.id, conditions=mismatch)
    assert "conditions.0.operator" in wrong.body
    refused(errors.BadRequest, 400, rule, client, market.source.id, conditions=[])
    refused(errors.BadRequest, 400, rule, client, market.source.id, order=1000)
    refused(errors.BadRequest, 400, client.sources.rules.update, rule_id=last.id, conditions=mismatch)
    for _ in range(9):
        rule(client, market.source.id)
    refused(errors.BadRequest, 400, rule, client, market.source.id, "Eleventh")


def test_source_events(client, market):
    events, source_id = client.sources.events, market.source.id
    small = rule(client, source_id)
    approved_by_rule = sell(market, "evt_small", 9_999)
    listed = events.list(id=source_id, status="processed")
    assert [event.id for event in listed.data] == [approved_by_rule]
    assert (listed.data[0].processed_by, len(listed.data[0].usage_event_ids)) == (small.id, 1)
    assert client.sources.rules.get(rule_id=small.id).match_count == 1

    waiting = sell(market, "evt_1")
    pending = events.list(id=source_id, status="pending", customer_id=market.customer_id)
    assert [event.id for event in pending.data] == [waiting]
    assert pending.data[0].subscription_id == market.subscription.id
    assert pending.data[0].raw_data["amount"] == 50_000
    approved = events.approve(id=source_id, event_id=waiting)
    assert (approved.status, approved.external_event_id, approved.error_message) == ("processed", "evt_1", None)
    rejected = events.reject(id=source_id, event_id=sell(market, "evt_2"))
    assert (rejected.status, rejected.usage_event_ids) == ("rejected", [])
    for event_id in (waiting, rejected.id):
        refused(errors.BadRequest, 400, events.approve, id=source_id, event_id=event_id)
        refused(errors.BadRequest, 400, events.reject, id=source_id, event_id=event_id)
    refused(errors.Error, 404, events.approve, id=source_id, event_id="sev_nobody")
    refused(errors.Error, 404, events.reject, id="src_nobody", event_id=waiting)
    refused(errors.Error, 404, events.list, id="src_nobody")

    good, nobodys = sell(market, "evt_3"), sell(market, "evt_4", customerEmail="nobody@example.com")
    done = events.bulk_approve(id=source_id, event_ids=[good, nobodys, waiting])
    assert (done.processed, done.failed, done.details.processed) == (1, 2, [good])
    assert [failure.id for failure in done.details.failed] == [nobodys, waiting]
    assert "nobody@example.com" in done.details.failed[0].error
    assert events.bulk_reject(id=source_id, event_ids=[sell(market, "evt_5"), good]).rejected == 1
    refused(errors.BadRequest, 400, events.bulk_approve, id=source_id, event_ids=["evt_3"])
    refused(errors.Error, 404, events.bulk_reject, id="src_nobody", event_ids=[good])

    shop.jump(client, market.clock.id, "2028-03-05T00:00:00Z")
    # 2.5 % of 99.99 + 500.00 + 500.00.
    assert shop.invoices(client, market.subscription.id)[0].subtotal == "27.50"
