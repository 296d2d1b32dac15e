"""What a merchant sets up before it can bill: built with the vendor's client."""

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

MERCHANT = "org_YS8jkP59V71TdUvj"  # the one in the vendor's guides
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
EVENT_TYPE = "ai.inference"
FEE = "49.90"
TOKEN = "0.002"
TAX_PERCENT = 8.5
ANCHOR = "2028-01-31T00:00:00Z"
CONSUMER = {
    "name": "John Doe",
    "email": "john.doe@example.com",
    "phone": "+1-555-0100",
    "address": {"line1": "123 Main St", "city": "San Francisco", "state": "CA", "country": "US", "zip_code": "94105"},
}


def at(text):
    return datetime.fromisoformat(text)


@dataclass
class Catalogue:
    product: object
    fee: object
    metric: object
    fee_price: object
    token_price: object
    plan: object


def product(sdk, name="LLM API"):
    return sdk.products.create(name=name, description="Language models behind one API", merchant_id=MERCHANT)


def metric(sdk, product_id, **more):
    return sdk.billable_metrics.create(
        name="Tokens",
        description="Tokens in and out",
        unit="tokens",
        aggregation="SUM",
        event_type=EVENT_TYPE,
        value_property="$.tokens",
        merchant_id=MERCHANT,
        product_id=product_id,
        **more,
    )


def fee(sdk, product_id):
    return sdk.fees.create(name="Platform fee", description="Access", merchant_id=MERCHANT, product_id=product_id)


def fee_price(sdk, fee_id, unit_price=FEE):
    return sdk.prices.create(
        invoice_display_name="Platform fee",
        fee_id=fee_id,
        model="standard",
        payment_term="in_advance",
        billing_cadence="P1M",
        properties={"unit_price": unit_price},
    )


def token_price(sdk, metric_id):
    return sdk.prices.create(
        invoice_display_name="Tokens",
        billable_metric_id=metric_id,
        model="standard",
        payment_term="in_arrears",
        properties={"unit_price": TOKEN},
    )


def plan(sdk, product_id, prices, name="Pro"):
    return sdk.plans.create(
        name=name,
        currency="USD",
        merchant_id=MERCHANT,
        product_id=product_id,
        billing_cadence="P1M",
        default_tax_rate=TAX_PERCENT,
        tax_behavior="exclusive",
        prices=prices,
    )


def catalogue(sdk):
    """A product that costs 49.90 USD a month ahead and 0.002 USD a token afterwards, and 8.5 % tax on top."""
    goods = product(sdk)
    charge = fee(sdk, goods.id)
    tokens = metric(sdk, goods.id)
    ahead = fee_price(sdk, charge.id)
    behind = token_price(sdk, tokens.id)
    return Catalogue(goods, charge, tokens, ahead, behind, plan(sdk, goods.id, [ahead.id, behind.id]))


def usage_only_plan(sdk):
    """A plan that asks for nothing up front."""
    goods = product(sdk)
    tokens = metric(sdk, goods.id)
    return SimpleNamespace(product=goods, metric=tokens, plan=plan(sdk, goods.id, [token_price(sdk, tokens.id).id], "Usage"))


def customer(sdk, **changes):
    return sdk.customers.create(merchant_id=MERCHANT, consumer=CONSUMER | changes).customer_id


def subscription(sdk, plan_id, customer_id, clock_id, started_at=ANCHOR, **more):
    return sdk.subscriptions.create(
        name="John Doe, Pro",
        plan_id=plan_id,
        customer_id=customer_id,
        started_at=at(started_at),
        test_clock_id=clock_id,
        **more,
    )


def complete(control, session_id, number=GOOD_CARD, **more):
    """Pays as a customer would on the hosted page."""
    return control.post(f"/payments/{session_id}/complete", {"card": {"number": number}} | more)


def ingest(sdk, subject, timestamp, tokens, key=None, **data):
    event = {
        "type": EVENT_TYPE,
        "source": "https://api.example.com",
        "subject": subject,
        "data": {"tokens": tokens} | data,
        "timestamp": at(timestamp),
    }
    return sdk.events.ingest(request=event if key is None else event | {"idempotency_key": key})


def open_shop(world, auto_charge=False, save_card=False):
    """A catalogue, a customer and a subscription on a test clock of 31 January 2028, its first invoice paid."""
    sdk = world.sdk
    goods = catalogue(sdk)
    customer_id = customer(sdk)
    clock = sdk.test_clocks.create(current_time=at(ANCHOR), name="A year")
    pending = subscription(sdk, goods.plan.id, customer_id, clock.id, auto_charge=auto_charge)
    complete(world.control, pending.payment.payment_session_id, savePaymentMethod=save_card)
    return SimpleNamespace(
        catalogue=goods,
        customer_id=customer_id,
        clock=clock,
        pending=pending,
        subscription=sdk.subscriptions.get(id=pending.id),
    )


def jump(sdk, clock_id, to):
    return sdk.test_clocks.advance(id=clock_id, request_body={"current_time": at(to)})


def invoices(sdk, subscription_id):
    """All invoices of a subscription, in the order of their periods."""
    listed = sdk.invoices_v2.list(request={"subscription_id": subscription_id, "limit": 100})
    assert listed.pagination.total == len(listed.data)
    return sorted(listed.data, key=lambda invoice: invoice.sequence_number)
