"""One world, told from the catalogue to the reset, by all methods that the vendor's client has.

Each answers once what was meant, and refuses once whatever the client knows of conflicts and of requests that make no
sense. What the answers hold in detail stands in the other files.
"""

from datetime import date
from types import SimpleNamespace

import pytest

import shop
from shop import ANCHOR, CONSUMER, DECLINED_CARD, EVENT_TYPE, GOOD_CARD, MERCHANT, at
from sweep import watch
from test_approvals import ask
from test_billing_schedules import END, START, interval, plan, replace
from test_costs import FEBRUARY, ISSUED, cost
from test_entitlements import MONTHLY, feature
from test_items import connect, item, reference
from test_orders import TERM, line, order
from test_sources import rule
from test_surface import ids

# What another test has left open is none of this one's.
pytestmark = pytest.mark.filterwarnings("error", "ignore::ResourceWarning")

METHODS = 154
SALE = "sale"
IN_FEBRUARY = "2028-02-15T00:00:00Z"
FEBRUARY_ISSUED = "2028-03-01T00:00:00Z"
MARCH_ISSUED = "2028-04-01T00:00:00Z"
A_LINK_LATER = "2028-04-02T00:00:00Z"
THE_LAST_SECOND = "9999-12-31T23:59:59Z"
NOT_AN_ID = "no id"
NOBODY = "nobody"  # no organisation has an id like this

# Refusals that the contract names without a cause that a caller could bring about.
UNSEEN = {
    # Nothing that these take can be in another's way.
    "billable_metrics.update": {409},
    "fees.update": {409},
    "plans.transition_plan_version": {409},
    "subscriptions.create": {409},
    "subscriptions.delete_subscription_adjustment": {409},
    # They are asked with nothing but an id of any form and what the client's own types let through.
    "billing_schedules.generate_schedule_invoices": {400},
    "merchants.reset": {400},
    "sources.rules.delete": {400},
    "sources.rules.get": {400},
    "webhooks.update": {400},
}


def test_every_method_answers_and_refuses(world):
    methods = watch(world.sdk)
    assert len(methods) == METHODS
    world.control.post("/clock", {"now": ANCHOR})
    told = SimpleNamespace()
    for chapter in CHAPTERS:
        chapter(world, world.sdk, told)
    assert [name for name, method in methods.items() if not method.answers] == []
    assert {name: method.unseen() for name, method in methods.items() if method.unseen()} == UNSEEN


# What is sold


def products_and_items(world, sdk, told):
    told.goods = shop.catalogue(sdk)
    product = sdk.products.update(id=told.goods.product.id, name="Models")
    assert sdk.products.get(id=product.id) == product
    assert product in sdk.products.list(request={"merchant_id": MERCHANT, "limit": 100}).data
    sdk.products.create.refuses(400, name="A", description="A", merchant_id=NOBODY)
    sdk.products.list.refuses(400, request={"limit": 0})

    told.item = item(sdk, "Platform", catalog_id=product.id)
    told.foreign = item(sdk, "Elsewhere", catalog_id=shop.product(sdk, "Other").id)
    assert sdk.items.get_item(id=told.item.id) == told.item
    assert ids(sdk.items.list_items(request={"catalog_id": product.id})) == [told.item.id]
    assert sdk.items.update_item(id=told.item.id, metadata={"gl": "4000"}).metadata == {"gl": "4000"}
    sdk.items.create_item.refuses(400, name="A", merchant_id=NOBODY)
    sdk.items.list_items.refuses(400, request={"limit": 0})
    sdk.items.update_item.refuses(400, id=NOT_AN_ID, name="A")


def features(world, sdk, told):
    product_id = told.goods.product.id
    told.tokens, told.sso = feature(sdk, product_id), feature(sdk, product_id, "sso", "boolean")
    assert sdk.features.get(id=told.sso.id) == told.sso
    assert ids(sdk.features.list(product_id=product_id)) == [told.tokens.id, told.sso.id]
    assert sdk.features.update(id=told.sso.id, name="Single sign-on").name == "Single sign-on"
    sdk.features.delete(id=feature(sdk, product_id, "old").id)
    named = {"name": "A", "merchant_id": MERCHANT, "product_id": product_id}
    sdk.features.create.refuses(400, key="Not a key", **named)
    sdk.features.create.refuses(409, key="sso", **named)
    sdk.features.update.refuses(400, id=told.sso.id, key="tokens")
    sdk.features.list.refuses(400, product_id=product_id, limit=0)


def fees_and_metrics(world, sdk, told):
    fee, metric, product_id = told.goods.fee, told.goods.metric, told.goods.product.id
    assert sdk.fees.update(id=fee.id, item_id=told.item.id).item_id == told.item.id
    assert sdk.fees.get(id=fee.id).name == "Platform fee"
    assert ids(sdk.fees.list(merchant_id=MERCHANT, item_id=told.item.id)) == [fee.id]
    sdk.fees.delete(id=shop.fee(sdk, product_id).id)
    sdk.fees.create.refuses(400, name="A", description="A", merchant_id=NOBODY)
    sdk.fees.update.refuses(400, id=fee.id, item_id=told.foreign.id)
    blocked = sdk.fees.delete.refuses(409, id=fee.id)
    assert blocked.data.details.blockers[0].items[0].id == told.goods.fee_price.id

    assert sdk.billable_metrics.update(id=metric.id, unit="token", group_by={"model": "$.model"}).unit == "token"
    assert sdk.billable_metrics.get(id=metric.id).group_by == {"model": "$.model"}
    assert ids(sdk.billable_metrics.list(merchant_id=MERCHANT, product_id=product_id)) == [metric.id]
    counted = {"name": "A", "description": "A", "unit": "a", "aggregation": "COUNT", "event_type": "a"}
    sdk.billable_metrics.create.refuses(400, merchant_id=NOBODY, **counted)
    sdk.billable_metrics.update.refuses(400, id=metric.id, item_id=told.foreign.id)
    sdk.items.update_item.refuses(400, id=told.item.id, archived=True)


def prices_and_plans(world, sdk, told):
    goods = told.goods
    allowance = {"usagePeriod": {"interval": "P1M"}, "issueAfterReset": 1000, "isSoftLimit": True}
    carried = {"feature_id": told.tokens.id, "entitlement_template": allowance}
    sdk.prices.update(id=goods.token_price.id, feature=carried)
    assert sdk.prices.get(id=goods.token_price.id).features[0].feature_id == told.tokens.id
    told.spare = shop.fee_price(sdk, goods.fee.id, "29")
    told.better = shop.fee_price(sdk, goods.fee.id, "59.90")
    sdk.prices.delete(id=shop.fee_price(sdk, goods.fee.id).id)
    assert goods.token_price.id in ids(sdk.prices.list(request={"billable_metric_id": goods.metric.id}))
    free = {"properties": {"unit_price": "free"}}
    sdk.prices.create.refuses(400, invoice_display_name="A", payment_term="in_advance", fee_id=goods.fee.id, **free)
    sdk.prices.update.refuses(400, id=goods.token_price.id, **free)
    sdk.prices.list.refuses(400, request={"limit": 0})
    sdk.prices.get.refuses(400, id=NOT_AN_ID)
    sdk.prices.delete.refuses(400, id=NOT_AN_ID)
    blocked = sdk.prices.delete.refuses(409, id=goods.fee_price.id)
    assert blocked.data.details.blockers[0].items[0].id == goods.plan.id

    assert sdk.plans.update(id=goods.plan.id, name="Pro Plus").name == "Pro Plus"
    assert sdk.plans.get(id=goods.plan.id).prices[0].id == goods.fee_price.id
    assert ids(sdk.plans.list(request={"product_id": goods.product.id})) == [goods.plan.id]
    wanted = {"merchant_id": MERCHANT, "name": "A", "product_id": goods.product.id}
    sdk.plans.create.refuses(400, currency="usd", **wanted)
    sdk.plans.update.refuses(400, id=goods.plan.id, default_tax_rate=101)
    sdk.plans.get.refuses(400, id=NOT_AN_ID)
    sdk.plans.list.refuses(400, request={"limit": 0})


def a_share_of_sales(world, sdk, told):
    """A second plan, whose usage comes out of what Stripe has seen."""
    product = shop.product(sdk, "Market")
    metric = sdk.billable_metrics.create(
        name="Sales",
        description="What is sold",
        unit="USD",
        aggregation="SUM",
        event_type=SALE,
        value_property="$.amount",
        merchant_id=MERCHANT,
        product_id=product.id,
    )
    price = shop.token_price(sdk, metric.id)
    told.share = shop.plan(sdk, product.id, [price.id], "Share")
    told.source = sdk.sources.create(
        name="Stripe",
        plan_id=told.share.id,
        type_="stripe_revenue",
        metadata={"billableMetricMapping": {"revenue": metric.id}},
    )
    assert sdk.sources.update(id=told.source.id, description="Card payments").description == "Card payments"
    assert sdk.sources.get(id=told.source.id).plan_id == told.share.id
    assert ids(sdk.sources.list(request={"plan_id": told.share.id})) == [told.source.id]
    unmapped = {"metadata": {"billableMetricMapping": {"revenue": 7}}}
    sdk.sources.create.refuses(400, name="A", plan_id=told.share.id, type_="stripe_revenue", **unmapped)
    sdk.sources.update.refuses(400, id=told.source.id, **unmapped)

    rules = sdk.sources.rules
    small, large = rule(sdk, told.source.id), rule(sdk, told.source.id, "Large", order=1)
    assert rules.update(rule_id=small.id, enabled=False).enabled is False
    assert rules.get(rule_id=large.id) == large
    rules.delete(rule_id=large.id)
    assert ids(rules.list(source_id=told.source.id)) == [small.id]
    rules.create.refuses(400, source_id=told.source.id, name="A", conditions=[])
    rules.update.refuses(400, rule_id=small.id, order=1000)
    rules.list.refuses(400, source_id=NOT_AN_ID)


# Who buys


def customers(world, sdk, told):
    jane = CONSUMER | {"name": "Jane Roe", "email": "jane.roe@example.com"}
    told.john = shop.customer(sdk)
    told.jane = sdk.customers.create(merchant_id=MERCHANT, consumer=jane, external_id="crm-1").customer_id
    assert sdk.customers.update(id=told.john, tax_rates={"default": 8.5}).tax_rates == {"default": 8.5}
    assert sdk.customers.get(id=told.jane).organization.name == "Jane Roe"
    assert ids(sdk.customers.list(organization_id=MERCHANT, external_id="crm-1")) == [told.jane]
    passer_by = CONSUMER | {"email": "passer.by@example.com"}
    sdk.customers.delete(id=shop.customer(sdk, **passer_by))
    sdk.customers.create.refuses(400, merchant_id=NOBODY, consumer=jane)
    sdk.customers.create.refuses(409, merchant_id=MERCHANT, consumer=passer_by, external_id="crm-1")
    sdk.customers.update.refuses(400, id=told.john, tax_rates={"default": 101})
    sdk.customers.update.refuses(409, id=told.john, external_id="crm-1")
    sdk.customers.list.refuses(400, organization_id=MERCHANT, limit=0)

    setup = sdk.customers.create_customer_payment_method(id=told.john)
    shop.complete(world.control, setup.id)
    (method,) = sdk.customers.list_customer_payment_methods(id=told.john).data
    assert method.last4 == GOOD_CARD[-4:]
    gone = at("2020-01-01T00:00:00Z")
    sdk.customers.create_customer_payment_method.refuses(400, id=told.john, expires_at=gone)

    assert {told.goods.plan.id, told.share.id} <= set(ids(sdk.plans.list_available(customer_id=told.john, limit=100)))
    sdk.plans.list_available.refuses(400, customer_id=told.john, limit=0)


def other_systems(world, sdk, told):
    references, integrations = sdk.external_references, sdk.merchant_integrations
    sdk.salesforce.list_salesforce_accounts.refuses(400, merchant_id=MERCHANT)
    connection = connect(sdk)
    first = reference(sdk, "customer", told.john, "0011", "salesforce", external_label="John")
    second = reference(sdk, "customer", told.jane, "0011", "salesforce", is_primary=False)
    assert [account["Id"] for account in sdk.salesforce.list_salesforce_accounts(merchant_id=MERCHANT).data] == ["0011"]
    assert references.get_external_reference(id=first.id) == first
    assert references.update_external_reference(id=second.id, external_label="Jane").external_label == "Jane"
    assert references.list_external_references(request={"provider": "salesforce"}).pagination.total == 2
    same = {"merchant_id": MERCHANT, "entity_type": "customer", "entity_id": told.jane, "provider": "salesforce"}
    references.create_external_reference.refuses(400, **same, external_id="not a code")
    references.create_external_reference.refuses(409, **same, external_id="0011", is_primary=True)
    references.update_external_reference.refuses(409, id=second.id, is_primary=True)
    references.update_external_reference.refuses(400, id=NOT_AN_ID, is_primary=True)
    references.list_external_references.refuses(400, request={"limit": 0})
    references.delete_external_reference(id=second.id)

    assert integrations.get_merchant_integration(id=connection.id).status == "active"
    assert ids(integrations.list_merchant_integrations(request={"provider": "salesforce"})) == [connection.id]
    assert integrations.disconnect_merchant_integration(id=connection.id).status == "disconnected"
    integrations.upsert_merchant_integration.refuses(400, merchant_id=NOBODY, provider="salesforce")
    integrations.list_merchant_integrations.refuses(400, request={"limit": 0})

    user = sdk.users.update(id="usr_leapday", first_name="Ada", date_of_birth=date(1815, 12, 10))
    assert sdk.users.get(id="usr_leapday") == user
    assert sdk.webhooks.enable().enabled and sdk.webhooks.get_portal().url
    sdk.webhooks.enable.refuses(400)
    assert sdk.webhooks.update(enabled=False).enabled is False
    sdk.webhooks.disable()
    assert sdk.webhooks.get().enabled is False


def subscriptions(world, sdk, told):
    clocks = sdk.test_clocks
    told.clock, spare = clocks.create(current_time=at(ANCHOR), name="Spring"), clocks.create()
    assert clocks.get(id=told.clock.id) == told.clock
    assert clocks.delete(id=spare.id).deleted_at
    listed = ids(clocks.list(request={"limit": 100}))
    assert told.clock.id in listed and spare.id not in listed
    clocks.create.refuses(400, current_time=at(THE_LAST_SECOND))

    pending = shop.subscription(sdk, told.goods.plan.id, told.john, told.clock.id, version_policy="pinned")
    assert (pending.status, pending.payment.amount) == ("pending_payment", "54.14")
    shop.complete(world.control, pending.payment.payment_session_id)
    told.johns = sdk.subscriptions.get(id=pending.id)
    assert told.johns.status == "active"
    told.janes = shop.subscription(sdk, told.share.id, told.jane, told.clock.id, auto_charge=True)
    assert ids(sdk.subscriptions.list(request={"customer_id": told.jane})) == [told.janes.id]
    updated = sdk.subscriptions.update_subscription(id=told.janes.id, renewal_reminder_enabled=False)
    assert updated.renewal_reminder_enabled is False
    assert sdk.subscriptions.generate_portal_link(id=told.johns.id, expires_in="PT1H").url
    wanted = {"name": "A", "plan_id": told.share.id, "started_at": at(ANCHOR), "customer_id": told.john}
    sdk.subscriptions.create.refuses(400, **wanted, renewal_reminder_days=31)
    sdk.subscriptions.update_subscription.refuses(400, id=told.johns.id, renewal_reminder_days=31)
    sdk.subscriptions.list.refuses(400, request={"customer_id": told.john, "merchant_id": MERCHANT})
    clocks.delete.refuses(409, id=told.clock.id)
    sdk.customers.delete.refuses(409, id=told.john)
    sdk.plans.update.refuses(409, id=told.goods.plan.id, prices=[told.better.id])


# What is used


def usage(world, sdk, told):
    shop.jump(sdk, told.clock.id, IN_FEBRUARY)
    sdk.test_clocks.advance.refuses(400, id=told.clock.id, request_body={"current_time": at(ANCHOR)})
    shop.ingest(sdk, told.john, "2028-02-10T00:00:00Z", 1000, model="large")
    shop.ingest(sdk, told.john, "2028-02-11T00:00:00Z", 500, model="small")
    unknown = {"type": "nobody.listens", "source": "s", "subject": told.john, "data": {}}
    sdk.events.ingest.refuses(422, request=unknown)
    sdk.events.ingest.refuses(400, request={"type": EVENT_TYPE, "source": "s", "external_subject": "a b", "data": {}})
    metrics, window = sdk.billable_metrics, FEBRUARY | {"id": told.goods.metric.id}
    assert metrics.meter(**window, group_by="model").total_value == 1500
    assert metrics.list_events(**window).pagination.total == 2
    metrics.meter.refuses(400, **window, group_by="region")
    metrics.list_events.refuses(400, **window, limit=0)


def sales(world, sdk, told):
    events, source_id = sdk.sources.events, told.source.id

    def sell(external_id, amount):
        sale = {"amount": amount, "currency": "usd", "occurredAt": "2028-02-12T00:00:00Z"}
        sale |= {"externalEventId": external_id, "customerEmail": "jane.roe@example.com"}
        answer = world.raw.post(f"/v0/sources/{source_id}/events", json=sale)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    good, bad, more, worse = sell("evt_1", 300_000), sell("evt_2", 1), sell("evt_3", 200_000), sell("evt_4", 2)
    assert ids(events.list(id=source_id, status="pending", limit=1)) != []
    assert events.approve(id=source_id, event_id=good).status == "processed"
    assert events.reject(id=source_id, event_id=bad).status == "rejected"
    assert events.bulk_approve(id=source_id, event_ids=[more]).processed == 1
    assert events.bulk_reject(id=source_id, event_ids=[worse]).rejected == 1
    events.approve.refuses(400, id=source_id, event_id=good)
    events.reject.refuses(400, id=source_id, event_id=good)
    events.bulk_approve.refuses(400, id=source_id, event_ids=["evt_1"])
    events.bulk_reject.refuses(400, id=source_id, event_ids=["evt_1"])


def entitlements(world, sdk, told):
    api = sdk.entitlements
    (row,) = api.list(request={"customer_id": told.john}).data
    assert (row.feature_key, row.usage_in_period, row.overage) == ("tokens", 1500, 500)
    of = {"entitlement_id": row.entitlement_id}
    assert api.get(**of).is_soft_limit is True
    wanted = {"customer_id": told.john, "feature_id": told.sso.id, "template": {"type": "boolean"}}
    assert api.issue(**wanted).has_access is True
    api.issue.refuses(409, **wanted)
    api.issue.refuses(400, **wanted | {"template": {"type": "metered"} | MONTHLY})
    api.list.refuses(400, request={})
    api.get.refuses(400, **of, at=at(THE_LAST_SECOND))

    gift = of | {"amount": 200, "idempotency_key": "gift"}
    given = api.grants.create(**gift)
    assert api.grants.get(**of, grant_id=given.id) == given
    assert given.id in ids(api.grants.list(**of))
    assert api.grants.void(**of, grant_id=given.id).voided_at
    api.grants.create.refuses(409, **gift | {"amount": 201})
    api.grants.create.refuses(400, **gift | {"amount": 0, "idempotency_key": "nothing"})
    api.grants.list.refuses(400, **of, limit=0)
    api.grants.get.refuses(400, **of, grant_id=NOT_AN_ID)
    api.grants.void.refuses(400, **of, grant_id=NOT_AN_ID)
    top_up = of | {"amount": 300, "price": "5.00", "idempotency_key": "top-up"}
    bought = api.grants.purchase(**top_up)
    assert (bought.grant_amount, bought.price) == (300, "5.00")
    api.grants.purchase.refuses(409, **top_up | {"price": "6.00"})
    api.grants.purchase.refuses(400, **top_up | {"price": "0.49", "idempotency_key": "cheap"})


# What changes


def plan_versions(world, sdk, told):
    plans, plan_id, first = sdk.plans, told.goods.plan.id, told.goods.plan.default_version_id
    key = plans.get_plan_version(id=plan_id, version_number=1).prices[0].key
    prices = [{"price_id": told.better.id, "key": key}, told.goods.token_price.id]
    second = plans.mint_plan_version(id=plan_id, prices=prices, based_on_version_id=first)
    assert (second.version_number, second.is_default, second.based_on_version_id) == (2, True, first)
    assert [row.version_number for row in plans.list_plan_versions(id=plan_id).data] == [2, 1]
    assert plans.transition_plan_version(id=plan_id, version_number=1, default=True).is_default
    plans.mint_plan_version.refuses(400, id=plan_id, prices=[])
    plans.mint_plan_version.refuses(409, id=plan_id, prices=prices, based_on_version_id=second.id)
    plans.transition_plan_version.refuses(400, id=plan_id, version_number=1, default=False)
    plans.get_plan_version.refuses(400, id=plan_id, version_number=0)
    plans.list_plan_versions.refuses(400, id=plan_id, limit=0)

    migrate, johns = sdk.subscriptions.migrate_subscription_version, told.johns.id
    moved = migrate(id=johns, target_version_number=2, timing="next_period").migration
    assert (moved.from_version_number, moved.to_version_number, moved.changed) == (1, 2, True)
    migrate.refuses(400, id=johns, target_version_number=0)


def intervals_and_adjustments(world, sdk, told):
    api, johns = sdk.subscriptions, told.johns.id
    support = {"price_key": "support", "price_id": told.spare.id, "unit_price": None, "base_quantity": "1"}
    support |= {"billing_cadence": "P1M", "billing_mode": "arrears", "start_date": at(IN_FEBRUARY)}
    edit = {"id": johns, "edit_subscription_intervals_request": {"add": [support]}}
    edited = api.edit_subscription_intervals(**edit)
    assert [row.kind for row in edited.intervals].count("subscription_owned") == 1
    assert edited.interval_change.intervals[0].after.resolved_unit_price == "29.00"
    assert len(api.get_subscription_intervals(id=johns).intervals) == len(edited.intervals)
    assert api.list_subscription_interval_changes(id=johns).data[-1] == edited.interval_change
    assert edited.interval_change in api.list_interval_changes(request={"limit": "100"}).data
    api.edit_subscription_intervals.refuses(409, **edit)
    api.edit_subscription_intervals.refuses(400, id=johns, edit_subscription_intervals_request={"add": []})
    api.list_interval_changes.refuses(400, request={"limit": "0"})
    billed = sdk.prices.update.refuses(409, id=told.spare.id, payment_term="in_arrears")
    assert (billed.data.details.fields, billed.data.details.subscription_count) == (["paymentTerm"], 1)

    def discount(share, **more):
        wanted = {"type": "percentageDiscount", "percentage_discount": share, "effective_from": at(IN_FEBRUARY)}
        return {"id": johns, "create_subscription_adjustment_request": wanted | more}

    made = api.create_subscription_adjustment(**discount("0.5", description="A friend"))
    assert made.percentage_discount == "0.5"
    assert ids(api.list_subscription_adjustments(id=johns)) == [made.id]
    api.delete_subscription_adjustment(id=johns, adjustment_id=made.id)
    api.create_subscription_adjustment.refuses(400, **discount("1.5"))

    kept = api.reconcile_subscription_features(id=johns, dry_run=True)
    assert [row.feature_key for row in kept.features.skipped] == ["tokens"]


# What is owed


def lines_and_invoices(world, sdk, told):
    api, johns = sdk.invoices_v2, told.johns.id
    setup = {"display_name": "Onboarding", "currency": "USD", "quantity": 2, "unit_price": 15.5}
    waiting = api.create_line_item(subscription_id=johns, **setup)
    assert (waiting.type, waiting.subtotal) == ("manual", "31.00")
    api.create_line_item.refuses(400, subscription_id=johns, **setup | {"quantity": 0})
    api.create_line_item.refuses(422, subscription_id=johns, **setup | {"currency": "EUR"})
    listed = api.list_line_items(request={"subscription_id": johns, "status": "pending"}).data
    assert {"fee", "metered", "manual"} == {row.type for row in listed}
    api.list_line_items.refuses(400, request={})
    projected = api.list_projected_invoices(subscription_id=johns, to=at("2028-04-01T00:00:00Z"))
    assert {invoice.status for invoice in projected.data} == {"PROJECTED"}
    api.list_projected_invoices.refuses(400, subscription_id=johns, to=at(ANCHOR), from_=at(FEBRUARY_ISSUED))

    shop.jump(sdk, told.clock.id, FEBRUARY_ISSUED)
    (told.invoice,) = api.list(request={"subscription_id": johns, "status": "ISSUED"}).data
    invoice_id = told.invoice.id
    # 59.90 ahead, 500 tokens beyond the allowance at 0.002, 29 for 14 of 29 days, and 31 by hand.
    assert told.invoice.subtotal == "105.90"
    assert api.get(id=invoice_id, expand="lineItems").line_items.total_count == 4
    assert api.get_line_items(id=invoice_id, limit=1).next_page_token
    assert api.download_invoice_pdf(id=invoice_id).read().startswith(b"%PDF-")
    api.get.refuses(400, id=invoice_id, expand="lineItems", line_items_limit=0)
    api.get_line_items.refuses(400, id=invoice_id, limit=0)
    api.create_line_item.refuses(409, invoice_id=invoice_id, **setup)


def settling(world, sdk, told):
    api, invoice_id = sdk.invoices_v2, told.invoice.id
    (current,) = api.list(request={"subscription_id": told.johns.id, "status": "ACTIVE"}).data
    api.record_invoice_payment.refuses(400, id=current.id, method="out_of_band")
    api.create_invoice_refund.refuses(400, id=invoice_id)
    api.retry_invoice_payment.refuses(400, id=invoice_id)
    paid = api.record_invoice_payment(id=invoice_id, method="out_of_band", reason="Bank transfer")
    assert paid.invoice.status == "PAID"
    api.record_invoice_payment.refuses(409, id=invoice_id, method="out_of_band")
    api.record_invoice_payment.refuses(422, id=invoice_id, method="hosted_link")
    refund = api.create_invoice_refund(id=invoice_id, reason="Goodwill")
    assert refund.total == told.invoice.grand_total
    assert ids(api.list_invoice_refunds(id=invoice_id)) == [refund.id]
    void = {"id": invoice_id, "refund_id": refund.id}
    assert api.void_invoice_refund(**void, reason="Mistake").status == "VOIDED"
    api.void_invoice_refund.refuses(400, **void)


def collecting(world, sdk, told):
    """Jane pays automatically, once she has a card that is good for it."""
    retry, methods = sdk.invoices_v2.retry_invoice_payment, f"/customers/{told.jane}/payment-methods"
    (february,) = sdk.invoices_v2.list(request={"subscription_id": told.janes.id, "status": "ISSUED"}).data
    # 5,000 USD of sales at 0.002.
    assert february.subtotal == "10.00"
    assert retry.refuses(422, id=february.id).data.error.code == "no_payment_method"
    link = sdk.invoices_v2.record_invoice_payment(id=february.id, method="hosted_link")
    world.control.post(methods, {"card": {"number": DECLINED_CARD}})
    sale = {"type": SALE, "source": "s", "subject": told.jane, "data": {"amount": 5000}}
    sdk.events.ingest(request=sale | {"timestamp": at("2028-03-10T00:00:00Z")})
    shop.jump(sdk, told.clock.id, MARCH_ISSUED)
    (march,) = sdk.invoices_v2.list(request={"subscription_id": told.janes.id, "status": "PAYMENT_FAILED"}).data
    assert retry.refuses(402, id=march.id).data.error.decline_code == "card_declined"
    shop.jump(sdk, told.clock.id, A_LINK_LATER)
    assert retry.refuses(409, id=february.id).data.error.code == "PAYMENT_SESSION_EXPIRED"
    world.control.post(methods, {"card": {"number": GOOD_CARD}})
    assert retry(id=march.id, reason="New card").success is True
    sessions = sdk.payment_sessions.list_payment_sessions(request={"subscription_id": told.janes.id, "limit": 100})
    assert {session.id: session.status for session in sessions.data}[link.payment_session_id] == "expired"

    payment = sdk.payments.create(amount="49.99", currency="USD", customer_id=told.jane, reference="ORD-1")
    assert sdk.payments.get(id=payment.id) == payment
    assert ids(sdk.payments.list(request={"customer_id": told.jane})) == [payment.id]
    sdk.payments.create.refuses(400, amount="-1", currency="USD", customer_id=told.jane)


# What it costs and brings


def costs_and_revenue(world, sdk, told):
    api, product_id = sdk.costs, told.goods.product.id
    spent, spare = cost(sdk, product_id), cost(sdk, product_id, name="Spare")
    assert api.update_cost(id=spent.id, unit="token").unit == "token"
    assert api.get_cost(id=spent.id).unit_cost == "0.0004"
    assert ids(api.list_costs(request={"product_id": product_id})) == [spent.id, spare.id]
    api.delete_cost(id=spare.id)
    assert api.get_cost_summary(id=spent.id, **FEBRUARY).total_cost == 0.6
    assert api.get_cost_report(**FEBRUARY, group_by="customer").groups[0].key == told.john
    known = {"type_": "metered", "name": "A", "unit_cost": 1, "aggregation": "COUNT", "event_type": "a"}
    api.create_cost.refuses(400, **known, product_id=product_id, currency="ZZZ")
    api.update_cost.refuses(400, id=spent.id, value_property=None)
    api.get_cost_summary.refuses(400, id=spent.id, **FEBRUARY, group_by="region")
    api.get_cost_report.refuses(400, **FEBRUARY, group_by="model")

    assert sdk.revenue.get(**ISSUED, group_by="customer").group_breakdown[0].group_key == told.john
    accounts = sdk.revenue.get_revenue_accounts(merchant_id=MERCHANT, customer_ids=[told.jane])
    assert accounts.data[0].customer_id == told.jane
    span = {"merchant_id": MERCHANT, "from_": at(ANCHOR), "to": at(FEBRUARY_ISSUED)}
    assert sdk.profitability.get_profitability(**span).rows[0].total_cost == "0.60"
    sdk.revenue.get.refuses(400, start_time=ISSUED["end_time"], end_time=ISSUED["start_time"])
    sdk.revenue.get_revenue_accounts.refuses(400, merchant_id=MERCHANT, limit=0)
    sdk.profitability.get_profitability.refuses(400, **span | {"to": at("2028-01-01T00:00:00Z")})


# What is agreed by hand


def orders_and_approvals(world, sdk, told):
    api = sdk.orders
    made, cancelled = order(sdk, total="1000", lines=("1000",)), order(sdk, total="5", lines=())
    added = api.create_order_line_item(order_id=made.id, **line("60.50"))
    half = api.update_order_line_item(order_id=made.id, id=added.id, quantity="0.5", total_price="30.25")
    assert (half.total_price, api.get_order(id=made.id).total_amount) == ("30.25", "1030.25")
    api.delete_order_line_item(order_id=made.id, id=added.id)
    assert api.update_order(id=cancelled.id, cancelled_at=at(ANCHOR)).cancelled_at == at(ANCHOR)
    assert ids(api.list_orders(request={"status": "cancelled"})) == [cancelled.id]
    bare = {"customer_id": told.john, "currency": "USD", "line_items": [line("1")]} | TERM
    api.create_order.refuses(400, **bare, total_amount="2")
    api.update_order.refuses(400, id=made.id, term_end_date=TERM["term_start_date"])
    api.create_order_line_item.refuses(400, order_id=made.id, **line("1", quantity="one"))
    api.update_order_line_item.refuses(400, order_id=made.id, id=made.line_items[0].id, quantity="one")
    api.list_orders.refuses(400, request={"limit": 0})
    api.create_order_approval.refuses(409, order_id=cancelled.id)

    review = api.create_order_approval(order_id=made.id, requester="usr_alice", note="Please")
    approvals, of = sdk.approvals, {"merchant_id": MERCHANT, "resource_type": "order", "resource_id": made.id}
    assert ids(approvals.list_approvals(request={"resource_id": made.id})) == [review.id]
    assert approvals.update_approval(id=review.id, decision="rejected", actor_id="usr_bob").decision == "rejected"
    assert ask(sdk, made.id, kind="push").kind == "push"
    approvals.create_approval.refuses(409, **of, data_snapshot_hash="h1", kind="push")
    approvals.create_approval.refuses(400, **of, data_snapshot_hash="h1", actor_id="a" * 129)
    approvals.update_approval.refuses(400, id=review.id, decision="cancelled", actor_id="a" * 129)
    approvals.update_approval.refuses(409, id=review.id, decision="approved", actor_id="usr_bob")
    approvals.list_approvals.refuses(400, request={"limit": 0})
    assert approvals.get_approval(id=review.id).reviewer == "usr_bob"
    told.order, told.cancelled = made, cancelled


def billing_schedules(world, sdk, told):
    api, made = sdk.billing_schedules, told.order
    schedule = plan(sdk, made)
    dates = {"start_date": START, "end_date": END, "billing_anchor": START}
    api.generate_schedule_invoices.refuses(409, id=schedule.id)
    replace(sdk, schedule, interval(order_line_item_id=made.line_items[0].id))
    assert len(api.list_schedule_intervals(id=schedule.id).data) == 1
    staged = api.generate_schedule_invoices(id=schedule.id)
    assert [row.amount for row in staged.data] == ["250.00"] * 4
    assert api.list_schedule_invoices(id=schedule.id).data == staged.data
    assert ids(api.list_billing_schedules(request={"order_id": made.id})) == [schedule.id]
    api.create_billing_schedule.refuses(400, **dates | {"end_date": START}, order_id=made.id)
    api.create_billing_schedule.refuses(409, **dates, order_id=told.cancelled.id)
    api.replace_schedule_intervals.refuses(400, id=schedule.id, intervals=[interval()])
    api.update_billing_schedule.refuses(400, id=schedule.id, end_date=START)
    api.list_billing_schedules.refuses(400, request={"order_id": made.id, "subscription_id": told.johns.id})
    assert api.update_billing_schedule(id=schedule.id, status="cancelled").status == "cancelled"
    api.update_billing_schedule.refuses(409, id=schedule.id, status="active")
    api.replace_schedule_intervals.refuses(409, id=schedule.id, intervals=[interval(unit_price="1")])
    assert api.get_billing_schedule(id=schedule.id).status == "cancelled"
    api.delete_billing_schedule(id=schedule.id)
    sdk.orders.delete_order(id=made.id)


# What ends


def the_end(world, sdk, told):
    api, johns = sdk.subscriptions, told.johns.id
    api.terminate.refuses(400, id=johns, reason="")
    assert api.terminate(id=johns, reason="Moved", change_reason="commercial").status == "terminated"
    api.terminate.refuses(409, id=johns, reason="Moved")
    api.migrate_subscription_version.refuses(409, id=johns, target_version_number=1)
    api.reconcile_subscription_features.refuses(400, id=johns)
    reset = {"scope": "merchant", "keep_catalog": True}
    assert sdk.merchants.reset(merchant_id=MERCHANT, merchant_reset=reset) is None
    assert sdk.customers.list(organization_id=MERCHANT).data == []
    assert sdk.plans.get(id=told.goods.plan.id).name == "Pro Plus"


CHAPTERS = [
    products_and_items,
    features,
    fees_and_metrics,
    prices_and_plans,
    a_share_of_sales,
    customers,
    other_systems,
    subscriptions,
    usage,
    sales,
    entitlements,
    plan_versions,
    intervals_and_adjustments,
    lines_and_invoices,
    settling,
    collecting,
    costs_and_revenue,
    orders_and_approvals,
    billing_schedules,
    the_end,
]
