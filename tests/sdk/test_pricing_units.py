"""Credits and the traces of lines through the vendor's client. It makes no pricing units: those come by raw HTTP."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from paygentic_sdk import errors

import shop
from shop import ANCHOR, MERCHANT, at
from test_surface import refused

IN_FEBRUARY = "2028-02-10T00:00:00Z"


@pytest.fixture
def credits(client, raw):
    """A customer with 1000 credits a month, and tokens at 0.5 credits each."""
    goods = shop.product(client)
    wanted = {"key": "credits", "name": "Credits", "merchantId": MERCHANT, "productId": goods.id}
    made = raw.post("/v0/pricingUnits", json=wanted)
    assert made.status_code == 201, made.text
    unit = made.json()
    tokens = shop.metric(client, goods.id)
    price = client.prices.create(
        invoice_display_name="Tokens",
        billable_metric_id=tokens.id,
        pricing_unit_id=unit["id"],
        model="standard",
        payment_term="in_arrears",
        properties={"unit_price": "0.5"},
    )
    plan = client.plans.create(
        name="Credits",
        currency="USD",
        merchant_id=MERCHANT,
        product_id=goods.id,
        prices=[price.id],
        credit_allocations=[{"pricing_unit_id": unit["id"], "amount": 1000, "recurrence_period": "P1M"}],
    )
    customer_id = shop.customer(client)
    clock = client.test_clocks.create(current_time=at(ANCHOR))
    subscription = shop.subscription(client, plan.id, customer_id, clock.id)
    return SimpleNamespace(
        unit=unit, price=price, plan=plan, customer_id=customer_id, clock=clock, subscription=subscription
    )


def test_credits_are_given_drawn_and_granted(client, credits):
    assert credits.price.pricing_unit_id == credits.unit["id"]
    (allocation,) = client.plans.get(id=credits.plan.id).credit_allocations
    assert (allocation.pricing_unit_id, allocation.amount) == (credits.unit["id"], 1000)
    assert allocation.recurrence_period == "P1M"
    (pool,) = client.entitlements.list(request={"customer_id": credits.customer_id}).data
    assert (pool.feature_key, pool.pricing_unit_id, pool.balance) == ("credits", credits.unit["id"], 1000)
    shop.ingest(client, credits.customer_id, IN_FEBRUARY, 500)
    of = {"entitlement_id": pool.entitlement_id}
    drawn = client.entitlements.get(**of, at=at("2028-02-11T00:00:00Z"))
    assert (drawn.balance, drawn.usage_in_period, drawn.pricing_unit_id) == (750, 250, credits.unit["id"])
    client.entitlements.grants.create(**of, amount=50, idempotency_key="gift")
    shop.jump(client, credits.clock.id, "2028-03-02T00:00:00Z")
    assert client.entitlements.get(**of).balance == 1800
    first = shop.invoices(client, credits.subscription.id)[0]
    assert (first.status, first.grand_total) == ("PAID", "0.00")


def test_a_price_in_credits_keeps_its_rate(client, credits):
    conflict = refused(
        errors.UpdatePriceConflictError, 409, client.prices.update, id=credits.price.id, pricing_unit_id=None
    )
    assert conflict.data.details.fields == ["pricingUnitId"]
    refused(errors.BadRequest, 400, client.prices.update, id=credits.price.id, rate_type="proportion")


def test_lines_tell_how_they_came_to_their_amounts(client, world, credits):
    opened = shop.open_shop(world)
    shop.ingest(client, opened.customer_id, IN_FEBRUARY, 1000, "tokens")
    shop.jump(client, opened.clock.id, "2028-03-02T00:00:00Z")
    renewal = shop.invoices(client, opened.subscription.id)[1]
    lines = client.invoices_v2.get_line_items(id=renewal.id, expand="lineProvenance").line_items
    for line in lines:
        trace = line.provenance
        assert (trace.status, trace.currency, trace.version) == ("recorded", "USD", 1)
        (evaluate,) = trace.steps
        assert (evaluate.op, evaluate.on, evaluate.in_) == ("evaluate", "amount", None)
        assert Decimal(evaluate.params["quantity"]) * Decimal(evaluate.params["fn"]["rate"]) == Decimal(evaluate.out)
        assert Decimal(evaluate.out) == Decimal(trace.result.amount) == Decimal(line.total_price)
        assert trace.inputs.quantity.source in trace.sources
    whole = client.invoices_v2.get(id=renewal.id, expand="lineProvenance")
    assert whole.line_items.line_items == lines
    asked = {"subscription_id": opened.subscription.id, "expand": "lineProvenance"}
    ledger = client.invoices_v2.list_line_items(request=asked).data
    assert {line.provenance.status for line in ledger} == {"recorded", "pending"}
