"""Costs, revenue and profitability through the vendor's client: a year's question, answered for one month."""

from types import SimpleNamespace

import pytest
from paygentic_sdk import errors

import shop
from shop import ANCHOR, EVENT_TYPE, MERCHANT, at
from test_surface import MISSING, refused

FEBRUARY = {"from_": at("2028-02-01T00:00:00Z"), "to": at("2028-03-01T00:00:00Z")}
ISSUED = {"start_time": at(ANCHOR), "end_time": at("2028-03-01T00:00:00Z"), "merchant_id": MERCHANT}


def cost(client, product_id, **more):
    """0.0004 USD a token."""
    return client.costs.create_cost(
        **{
            "type_": "metered",
            "name": "Inference",
            "unit_cost": 0.0004,
            "currency": "USD",
            "product_id": product_id,
            "merchant_id": MERCHANT,
            "aggregation": "SUM",
            "event_type": EVENT_TYPE,
            "value_property": "$.tokens",
            "unit": "tokens",
            "group_by": {"model": "$.model"},
        }
        | more
    )


@pytest.fixture
def used(world):
    """A shop with a cost, and 1,500 tokens of February."""
    opened = shop.open_shop(world)
    spent = cost(world.sdk, opened.catalogue.product.id)
    shop.ingest(world.sdk, opened.customer_id, "2028-02-10T00:00:00Z", 1000, model="large")
    shop.ingest(world.sdk, opened.customer_id, "2028-02-11T00:00:00Z", 500, model="small")
    return SimpleNamespace(shop=opened, cost=spent)


def test_costs(client, used):
    spent = used.cost
    assert spent.id.startswith("cst_") and spent.object == "cost" and spent.merchant_id == MERCHANT
    assert (spent.unit_cost, spent.unit, spent.deleted_at) == ("0.0004", "tokens", None)
    assert client.costs.get_cost(id=spent.id) == spent
    listed = client.costs.list_costs(request={"merchant_id": MERCHANT, "product_id": spent.product_id})
    assert listed.object == "list" and listed.data == [spent] and listed.pagination.total == 1
    changed = client.costs.update_cost(id=spent.id, unit_cost=0.0005, name="Dearer")
    assert (changed.unit_cost, changed.name, changed.value_property) == ("0.0005", "Dearer", "$.tokens")

    refused(errors.BadRequest, 400, cost, client, spent.product_id, currency="ZZZ")
    refused(errors.BadRequest, 400, client.costs.update_cost, id=spent.id, value_property=None)
    refused(errors.Error, 404, cost, client, "prod_nobody")
    client.costs.delete_cost(id=spent.id)
    assert client.costs.get_cost(id=spent.id).deleted_at is not None
    refused(errors.Error, 404, client.costs.delete_cost, id=spent.id)
    refused(errors.Error, 404, client.costs.get_cost, id=f"cst_{MISSING}")
    refused(errors.Error, 404, client.costs.update_cost, id=f"cst_{MISSING}", name="A")


def test_cost_summary(client, used):
    summary = client.costs.get_cost_summary(id=used.cost.id, **FEBRUARY, group_by="model", window="DAY")
    assert (summary.total_quantity, summary.total_cost, summary.currency) == (1500, 0.6, "USD")
    assert {group.dimensions["model"]: group.cost for group in summary.groups} == {"large": 0.4, "small": 0.2}
    assert [(day.window_start, day.cost) for day in summary.time_series] == [
        (at("2028-02-10T00:00:00Z"), 0.4),
        (at("2028-02-11T00:00:00Z"), 0.2),
    ]
    refused(errors.BadRequest, 400, client.costs.get_cost_summary, id=used.cost.id, **FEBRUARY, group_by="region")
    refused(errors.Error, 404, client.costs.get_cost_summary, id=f"cst_{MISSING}", **FEBRUARY)


def test_cost_report(client, used):
    by_customer = client.costs.get_cost_report(
        **FEBRUARY, group_by="customer", merchant_id=MERCHANT, compare_prior_period=True, window_size="MONTH"
    )
    assert by_customer.object == "cost_report" and by_customer.period.from_ == FEBRUARY["from_"]
    row = by_customer.groups[0]
    assert (row.key, row.label, row.total_cost) == (used.shop.customer_id, "John Doe", 0.6)
    assert (row.percent_of_total, row.is_other, row.prior_period.cost) == (100, False, 0)
    assert by_customer.time_series[0].groups == {used.shop.customer_id: 0.6}

    folded = client.costs.get_cost_report(**FEBRUARY, group_by="model", cost_id=[used.cost.id], top_n=1)
    assert [(group.key, group.total_cost) for group in folded.groups] == [("large", 0.4), ("__other__", 0.2)]
    assert folded.available_dimensions == ["model"]
    refused(errors.BadRequest, 400, client.costs.get_cost_report, **FEBRUARY, group_by="model")
    refused(errors.BadRequest, 400, client.costs.get_cost_report, **FEBRUARY, group_by="cost", cost_id=["cst_nobody"])


def test_revenue(client, used):
    customer_id = used.shop.customer_id
    summary = client.revenue.get(**ISSUED, group_by="customer")
    # 49.90 and 8.5 % tax.
    assert (summary.object, summary.net_revenue, summary.invoices.paid.amount) == ("revenue_summary", "49.90", "54.14")
    assert [(group.group_key, group.paid.count) for group in summary.group_breakdown] == [(customer_id, 1)]
    assert [bucket.revenue for bucket in summary.trend] == ["49.90"]
    by_currency = client.revenue.get(**ISSUED, group_by="currency", customer_id=customer_id)
    assert [(entry.currency, entry.net_revenue) for entry in by_currency.currency_breakdown] == [("USD", "49.90")]
    assert by_currency.net_revenue is None
    by_period = client.revenue.get(**ISSUED, period_basis="billingPeriod", bucket_width="week", currency="USD")
    assert by_period.net_revenue == "49.90"

    first = shop.invoices(client, used.shop.subscription.id)[0]
    client.invoices_v2.create_invoice_refund(id=first.id)
    refunded = client.revenue.get(**ISSUED)
    assert (refunded.net_revenue, refunded.total_refunds, refunded.refund_count) == ("0.00", "54.14", 1)
    backwards = {"start_time": ISSUED["end_time"], "end_time": ISSUED["start_time"]}
    refused(errors.BadRequest, 400, client.revenue.get, **backwards)


def test_revenue_accounts(client, used):
    nothing = client.revenue.get_revenue_accounts(merchant_id=MERCHANT)
    assert (nothing.object, nothing.data, nothing.totals) == ("list", [], [])
    shop.jump(client, used.shop.clock.id, "2028-03-05T00:00:00Z")
    accounts = client.revenue.get_revenue_accounts(merchant_id=MERCHANT, customer_ids=[used.shop.customer_id])
    row = accounts.data[0]
    # 49.90 and 1,500 tokens at 0.002, 8.5 % tax.
    assert (row.customer_id, row.customer_name, row.outstanding.amount) == (used.shop.customer_id, "John Doe", "57.40")
    assert (row.outstanding.awaiting_payment.count, row.outstanding.payment_failed.count) == (1, 0)
    assert accounts.totals[0].outstanding.amount == "57.40"
    refused(errors.Error, 404, client.revenue.get_revenue_accounts, merchant_id=MERCHANT, customer_ids=["cus_nobody"])


def test_profitability(client, used):
    span = {"merchant_id": MERCHANT, "from_": at(ANCHOR), "to": at("2028-03-01T00:00:00Z")}
    summary = client.profitability.get_profitability(**span, include_empty=True)
    assert (summary.object, summary.currency, summary.customer_count) == ("profitability_summary", "USD", 1)
    row = summary.rows[0]
    assert (row.customer_id, row.customer_name, row.cost_data) == (used.shop.customer_id, "John Doe", "recorded")
    # 49.90 less 0.60 is 49.30, and that is 98.80 % of it.
    assert (row.net_revenue, row.total_cost, row.profit, row.margin_pct) == ("49.90", "0.60", "49.30", "98.80")
    assert summary.empty_customers == []
    backwards = span | {"from_": span["to"], "to": span["from_"]}
    refused(errors.BadRequest, 400, client.profitability.get_profitability, **backwards)
