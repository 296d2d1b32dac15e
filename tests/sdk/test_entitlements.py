"""Features, entitlements and grants through the vendor's client: every operation, and what it refuses."""

from types import SimpleNamespace

import pytest
from paygentic_sdk import errors

import shop
from sandbox import local
from shop import ANCHOR, EVENT_TYPE, MERCHANT, at
from test_surface import ids, refused

IN_FEBRUARY = "2028-02-10T00:00:00Z"
MONTHLY = {"usage_period": {"interval": "P1M"}, "issue_after_reset": 1000, "is_soft_limit": True}


def feature(sdk, product_id, key="tokens", kind="metered"):
    return sdk.features.create(key=key, name=key.title(), merchant_id=MERCHANT, product_id=product_id, type_=kind)


@pytest.fixture
def held(client):
    """A customer with 1000 tokens a month, and 0.002 USD for each one more."""
    goods = shop.usage_only_plan(client)
    tokens = feature(client, goods.product.id)
    (price,) = goods.plan.prices
    template = {"usagePeriod": {"interval": "P1M"}, "issueAfterReset": 1000, "isSoftLimit": True}
    client.prices.update(id=price.id, feature={"feature_id": tokens.id, "entitlement_template": template})
    customer_id = shop.customer(client)
    clock = client.test_clocks.create(current_time=at(ANCHOR))
    subscription = shop.subscription(client, goods.plan.id, customer_id, clock.id)
    (entitlement,) = client.entitlements.list(request={"customer_id": customer_id}).data
    return SimpleNamespace(
        product=goods.product,
        price=price,
        feature=tokens,
        customer_id=customer_id,
        clock=clock,
        subscription=subscription,
        entitlement_id=entitlement.entitlement_id,
    )


def test_features(client):
    product_id = shop.product(client).id
    calls = feature(client, product_id, "api-calls")
    assert calls.object == "feature" and calls.id.startswith("feat_") and calls.metadata == {}
    assert (calls.key, calls.type, calls.product_id, calls.merchant_id) == ("api-calls", "metered", product_id, MERCHANT)
    assert client.features.get(id=calls.id) == calls
    sso = feature(client, product_id, "sso", "boolean")
    assert ids(client.features.list(product_id=product_id)) == [calls.id, sso.id]
    assert ids(client.features.list(product_id=product_id, key="sso")) == [sso.id]
    renamed = client.features.update(id=sso.id, name="Single sign-on", metadata={"tier": "pro"})
    assert (renamed.name, renamed.key, renamed.metadata) == ("Single sign-on", "sso", {"tier": "pro"})
    refused(errors.Error, 409, feature, client, product_id, "sso", "boolean")
    taken = refused(errors.BadRequest, 400, client.features.update, id=sso.id, key="api-calls")
    assert [violation.field for violation in taken.data.errors] == ["key"]
    client.features.delete(id=sso.id)
    refused(errors.Error, 404, client.features.get, id=sso.id)


def test_prices_carry_features(client, held):
    (carried,) = client.prices.get(id=held.price.id).features
    assert (carried.feature_id, carried.feature.key, carried.feature.type) == (held.feature.id, "tokens", "metered")
    assert carried.entitlement_template["issueAfterReset"] == 1000
    assert client.prices.update(id=held.price.id, feature=None).features == []


def test_a_subscription_brings_entitlements(client, held):
    listed = client.entitlements.list(request={"customer_id": held.customer_id, "subscription_id": held.subscription.id})
    (row,) = listed.data
    assert listed.pagination.total == 1
    assert (row.feature_id, row.feature_key, row.feature_type) == (held.feature.id, "tokens", "metered")
    assert (row.status, row.has_access, row.balance, row.usage_in_period, row.overage) == ("active", True, 1000, 0, 0)
    assert (row.current_period_start, row.current_period_end) == (at(ANCHOR), at("2028-02-29T00:00:00Z"))
    detail = client.entitlements.get(entitlement_id=row.entitlement_id)
    assert (detail.id, detail.object, detail.is_soft_limit) == (row.entitlement_id, "entitlement", True)

    shop.ingest(client, held.customer_id, IN_FEBRUARY, 1200)
    later = client.entitlements.get(entitlement_id=row.entitlement_id, at=at("2028-02-11T00:00:00Z"))
    assert (later.balance, later.usage_in_period, later.overage) == (0, 1200, 200)
    shop.jump(client, held.clock.id, "2028-03-01T00:00:00Z")
    assert client.entitlements.get(entitlement_id=row.entitlement_id).balance == 1000
    first = shop.invoices(client, held.subscription.id)[0]
    (line,) = client.invoices_v2.get_line_items(id=first.id).line_items
    assert (line.quantity, line.total_price) == (200, "0.40")


def test_issue(client, held):
    sso = feature(client, held.product.id, "sso", "boolean")
    seats = feature(client, held.product.id, "seats", "static")
    issue = client.entitlements.issue
    granted = issue(customer_id=held.customer_id, feature_id=sso.id, template={"type": "boolean"}, metadata={"by": "hand"})
    assert (granted.feature_type, granted.has_access, granted.metadata) == ("boolean", True, {"by": "hand"})
    limited = issue(
        customer_id=held.customer_id,
        feature_id=seats.id,
        template={"type": "static", "config": {"limit": 25}},
        subscription_id=held.subscription.id,
    )
    assert (limited.config, limited.subscription_id) == ({"limit": 25}, held.subscription.id)
    refused(
        errors.Error, 409, issue, customer_id=held.customer_id, feature_id=sso.id, template={"type": "boolean"}
    )
    refused(
        errors.BadRequest, 400, issue, customer_id=held.customer_id, feature_id=seats.id, template={"type": "boolean"}
    )
    metered = {"type": "metered"} | MONTHLY
    again = {"customer_id": held.customer_id, "feature_id": held.feature.id, "template": metered}
    refused(errors.Error, 409, issue, **again, subscription_id=held.subscription.id)
    alone = issue(**again, active_from=at("2028-01-01T00:00:00Z"), active_to=at("2028-02-01T00:00:00Z"))
    assert (alone.feature_type, alone.is_soft_limit) == ("metered", True)
    expired = client.entitlements.get(entitlement_id=alone.id, at=at("2028-02-01T00:00:00Z"))
    assert (expired.status, expired.has_access) == ("expired", False)
    refused(errors.Error, 404, client.entitlements.get, entitlement_id="ent_0000000000000000")
    refused(errors.BadRequest, 400, client.entitlements.list, request={})
    refused(errors.Error, 404, client.entitlements.list, request={"customer_id": "cus_0000000000000000"})


def test_grants(client, held):
    grants, of = client.entitlements.grants, {"entitlement_id": held.entitlement_id}
    (allowance,) = grants.list(**of).data
    assert (allowance.amount, allowance.recurrence_period, allowance.idempotency_key) == (1000, "P1M", None)
    promo = {"amount": 500, "idempotency_key": "promo", "expires_at": at("2028-06-01T00:00:00Z"), "priority": 3}
    made = grants.create(**of, **promo)
    assert made.object == "grant" and made.id.startswith("grt_") and made.entitlement_id == held.entitlement_id
    assert (made.amount, made.effective_at, made.priority, made.voided_at) == (500, at(ANCHOR), 3, None)
    assert (made.reset_max_rollover, made.reset_min_rollover) == (999999999999, 0)
    assert grants.create(**of, **promo) == made
    refused(errors.Error, 409, grants.create, **of, **promo | {"amount": 501})
    refused(errors.BadRequest, 400, grants.create, **of, amount=1, idempotency_key="past", expires_at=at(ANCHOR))
    assert grants.get(**of, grant_id=made.id) == made
    assert client.entitlements.get(**of).balance == 1500

    voided = grants.void(**of, grant_id=made.id)
    assert voided.voided_at == at(ANCHOR)
    assert grants.void(**of, grant_id=made.id) == voided
    assert ids(grants.list(**of)) == [allowance.id]
    assert ids(grants.list(**of, include_voided=True)) == [allowance.id, made.id]
    assert client.entitlements.get(**of).balance == 1000
    refused(errors.Error, 404, grants.get, **of, grant_id="grt_0000000000000000")


def test_purchase(client, control, held):
    of = {"entitlement_id": held.entitlement_id}
    order = of | {"amount": 1000, "price": "5.00", "idempotency_key": "top-up"}
    bought = client.entitlements.grants.purchase(**order)
    assert (bought.object, bought.grant_amount, bought.price, bought.currency) == ("grant_purchase", 1000, "5.00", "usd")
    (session,) = bought.payment_sessions
    assert session.amount == 500 and local(session.url)
    assert client.entitlements.grants.purchase(**order) == bought
    refused(errors.Error, 409, client.entitlements.grants.purchase, **order | {"price": "6.00"})
    cheap = order | {"price": "0.49", "idempotency_key": "cheap"}
    refused(errors.BadRequest, 400, client.entitlements.grants.purchase, **cheap)
    assert client.invoices_v2.get(id=bought.invoice_id).status == "ISSUED"

    shop.complete(control, session.url.rsplit("/", 1)[1])
    paid = client.invoices_v2.get(id=bought.invoice_id)
    assert (paid.status, paid.paid_amount, paid.item_count) == ("PAID", "5.00", 1)
    assert client.entitlements.grants.list(**of).data[1].amount == 1000
    assert client.entitlements.get(**of).balance == 2000

    unpaid = order | {"idempotency_key": "late", "payment_expires_at": at("2028-02-01T00:00:00Z")}
    late = client.entitlements.grants.purchase(**unpaid)
    shop.jump(client, held.clock.id, "2028-02-01T00:00:00Z")
    assert client.invoices_v2.get(id=late.invoice_id).status == "CANCELLED"
    assert client.entitlements.grants.list(**of).pagination.total == 2


def test_reconcile(client, held):
    reconcile = client.subscriptions.reconcile_subscription_features
    kept = reconcile(id=held.subscription.id, dry_run=True)
    assert (kept.object, kept.dry_run) == ("subscriptionReconciliation", True)
    assert [row.feature_key for row in kept.features.skipped] == ["tokens"]
    sso = feature(client, held.product.id, "sso", "boolean")
    client.prices.update(id=held.price.id, feature={"feature_id": sso.id, "entitlement_template": {}})
    changed = reconcile(id=held.subscription.id)
    assert [(row.feature_key, row.billed) for row in changed.features.added] == [("sso", True)]
    assert [row.feature_id for row in changed.features.removed] == [held.feature.id]
    assert changed.features.failed == []
    rows = client.entitlements.list(request={"customer_id": held.customer_id}).data
    states = {row.feature_key: row.status for row in rows}
    assert states == {"tokens": "canceled", "sso": "active"}
    assert client.entitlements.grants.list(entitlement_id=held.entitlement_id).data == []
    client.subscriptions.terminate(id=held.subscription.id, reason="Over")
    refused(errors.BadRequest, 400, reconcile, id=held.subscription.id)


def test_usage_of_nobody_is_not_counted(client, held):
    other = shop.customer(client, name="Jane Doe", email="jane.doe@example.com")
    event = {"type": EVENT_TYPE, "source": "s", "subject": other, "data": {"tokens": 5}, "timestamp": at(IN_FEBRUARY)}
    client.events.ingest(request=event)
    assert client.entitlements.get(entitlement_id=held.entitlement_id, at=at("2028-02-20T00:00:00Z")).balance == 1000
