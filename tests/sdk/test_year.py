"""A year of a monthly subscription, seen through the vendor's client.

Expected values stand here as a table written by hand and sums done with `decimal`: nothing of the sandbox is reused.
"""

import functools
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

import shop
from conftest import World
from sandbox import local
from shop import ANCHOR, DECLINED_CARD, at

# Boundary n of a subscription that starts on 31 January 2028, a leap year: always counted from the start.
BOUNDARIES = [
    "2028-01-31T00:00:00Z",
    "2028-02-29T00:00:00Z",
    "2028-03-31T00:00:00Z",
    "2028-04-30T00:00:00Z",
    "2028-05-31T00:00:00Z",
    "2028-06-30T00:00:00Z",
    "2028-07-31T00:00:00Z",
    "2028-08-31T00:00:00Z",
    "2028-09-30T00:00:00Z",
    "2028-10-31T00:00:00Z",
    "2028-11-30T00:00:00Z",
    "2028-12-31T00:00:00Z",
    "2029-01-31T00:00:00Z",
    "2029-02-28T00:00:00Z",
]
END = "2029-02-01T00:00:00Z"  # the grace of the twelfth renewal ends here
DAYS = 367  # from 31 January 2028 to END
RENEWALS = range(1, 13)
GRACE = timedelta(hours=24)

# Where a clock stands that is moved by a month twelve times: each step starts from where the last one ended.
MONTHLY_STOPS = [
    "2028-02-29T00:00:00Z",
    "2028-03-29T00:00:00Z",
    "2028-04-29T00:00:00Z",
    "2028-05-29T00:00:00Z",
    "2028-06-29T00:00:00Z",
    "2028-07-29T00:00:00Z",
    "2028-08-29T00:00:00Z",
    "2028-09-29T00:00:00Z",
    "2028-10-29T00:00:00Z",
    "2028-11-29T00:00:00Z",
    "2028-12-29T00:00:00Z",
    "2029-01-29T00:00:00Z",
]

EVENTS = [  # (timestamp, tokens, idempotency key)
    ("2028-01-30T23:59:59Z", 999_999, "before-the-start"),
    ("2028-02-01T08:30:00Z", 1500, "first"),
    ("2028-02-28T23:59:59.999Z", 250, "last-moment"),
    ("2028-02-29T00:00:00Z", 1000, "on-a-boundary"),
    ("2028-03-30T23:59:59Z", 333, "march"),
    ("2028-04-10T12:00:00Z", 5000, "twice"),
    ("2028-04-10T12:00:00Z", 5000, "twice"),
    ("2028-06-15T00:00:00Z", 1002.5, "half-a-cent-of-price"),
    ("2028-07-01T00:00:01Z", 1550, "half-a-cent-of-tax"),
    ("2028-08-30T10:00:00Z", 1, "next-to-nothing"),
    ("2028-09-29T23:59:59Z", 20_000, "september"),
    ("2028-09-30T00:00:00Z", 40, "on-a-short-boundary"),
    ("2028-10-30T10:00:00Z", 60, "october"),
    ("2028-11-11T11:11:11Z", 123_456.789, "fractions"),
    ("2028-12-25T00:00:00Z", 1_234_567, "much"),
    ("2029-01-30T23:59:59Z", 777, "january"),
    ("2029-01-31T00:00:00Z", 31, "in-the-running-period"),
]
# What of it falls into the period that ends at boundary n.
TOKENS = {
    1: "1750",
    2: "1333",
    3: "5000",
    4: "0",
    5: "1002.5",
    6: "1550",
    7: "1",
    8: "20000",
    9: "100",
    10: "123456.789",
    11: "1234567",
    12: "777",
}

FEE = Decimal("49.90")
TOKEN = Decimal("0.002")
TAX = Decimal("0.085")


def cents(amount):
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@dataclass
class Bill:
    subtotal: Decimal
    tax: Decimal
    total: Decimal


def bill(*prices):
    """Lines stay exact; their sum and the sum of their taxes are each rounded once."""
    subtotal, tax = cents(sum(prices)), cents(sum(price * TAX for price in prices))
    return Bill(subtotal, tax, subtotal + tax)


def one_jump(sdk, clock_id):
    assert shop.jump(sdk, clock_id, END).current_time == at(END)


def twelve_months(sdk, clock_id):
    for stop in MONTHLY_STOPS:
        assert sdk.test_clocks.advance(id=clock_id, request_body={"advance_by": "P1M"}).current_time == at(stop)
    one_jump(sdk, clock_id)


def day_by_day(sdk, clock_id):
    for day in range(1, DAYS + 1):
        clock = sdk.test_clocks.advance(id=clock_id, request_body={"advance_by": "P1D"})
        assert clock.current_time == at(ANCHOR) + timedelta(days=day)
    assert clock.current_time == at(END)


WAYS = [one_jump, twelve_months, day_by_day]


@dataclass
class Payer:
    auto_charge: bool
    save_card: bool
    later_card: str | None
    status: str


PAYERS = {
    "by_hand": Payer(auto_charge=False, save_card=False, later_card=None, status="ISSUED"),
    "saved_card": Payer(auto_charge=True, save_card=True, later_card=None, status="PAID"),
    "declined_card": Payer(auto_charge=True, save_card=True, later_card=DECLINED_CARD, status="PAYMENT_FAILED"),
}


@dataclass
class Year:
    opened: object
    at_start: list
    invoices: list
    lines: dict
    stored: object


@functools.cache
def year(way, payer_name, frozen=True):
    """Lives the year in a world of its own and notes what the API then says."""
    payer = PAYERS[payer_name]
    with World() as world:
        sdk = world.sdk
        if frozen:
            world.control.post("/clock", {"now": ANCHOR})
        opened = shop.open_shop(world, auto_charge=payer.auto_charge, save_card=payer.save_card)
        if payer.later_card:
            world.control.post(f"/customers/{opened.customer_id}/payment-methods", {"card": {"number": payer.later_card}})
        neighbour = shop.customer(sdk, name="Ann Other", email="ann.other@example.com")
        shop.ingest(sdk, neighbour, "2028-04-11T00:00:00Z", 4711, "of-someone-else")
        for timestamp, tokens, key in EVENTS:
            shop.ingest(sdk, opened.customer_id, timestamp, tokens, key)
        at_start = shop.invoices(sdk, opened.subscription.id)
        way(sdk, opened.clock.id)
        invoices = shop.invoices(sdk, opened.subscription.id)
        lines = {invoice.id: sdk.invoices_v2.get_line_items(id=invoice.id).line_items for invoice in invoices}
        return Year(opened, at_start, invoices, lines, masked(stored(world.raw, opened.subscription.id)))


def stored(raw, subscription_id):
    """Everything that billing left behind, as it came over the wire."""

    def get(path, **query):
        answer = raw.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    listed = get("/v2/invoices", subscriptionId=subscription_id, limit=100)
    ids = [invoice["id"] for invoice in listed["data"]]
    return {
        "subscription": get(f"/v0/subscriptions/{subscription_id}"),
        "invoices": listed,
        "one by one": [get(f"/v2/invoices/{id}", expand="lineItems") for id in ids],
        "lines": [get(f"/v2/invoices/{id}/lineItems") for id in ids],
        "ledger": get("/v2/invoices/lineItems", subscriptionId=subscription_id, limit=1000),
        "sessions": get("/v0/paymentSessions", subscriptionId=subscription_id, limit=100),
    }


ID = re.compile(r"\b([a-z]{2,6})_[A-Za-z0-9]{10,}\b")


def masked(value):
    """The same with every id replaced by its kind and the order of its appearance: who refers to whom stays visible."""
    seen = defaultdict(dict)

    def mask(match):
        known = seen[match[1]]
        return f"{match[1]}#{known.setdefault(match[0], len(known) + 1)}"

    return json.loads(ID.sub(mask, json.dumps(value)))


def assert_bill(invoice, expected):
    assert invoice.currency == "USD"
    assert (invoice.subtotal, invoice.total_tax, invoice.grand_total) == (
        str(expected.subtotal),
        str(expected.tax),
        str(expected.total),
    )


def assert_line(line, kind, term, price_id, source_id, quantity, unit_price, start, end):
    price = quantity * unit_price
    assert (line.event_type, line.line_item_type, line.payment_term) == (kind, "charge", term)
    assert (line.price_id, line.event_source_id, line.billable_metric_id) == (price_id, source_id, source_id)
    assert Decimal(str(line.quantity)) == quantity
    assert Decimal(line.unit_price) == unit_price
    assert Decimal(str(line.tax_rate)) == TAX
    assert Decimal(line.total_price) == price
    assert Decimal(line.total_tax) == price * TAX
    assert Decimal(line.total_amount) == price + price * TAX
    assert (line.period_start, line.period_end) == (at(start), at(end))


def assert_fee_line(line, catalogue, start, end):
    assert_line(line, "fee", "in_advance", catalogue.fee_price.id, catalogue.fee.id, Decimal(1), FEE, start, end)


def assert_token_line(line, catalogue, tokens, start, end):
    price_id, metric_id = catalogue.token_price.id, catalogue.metric.id
    assert_line(line, "usage", "in_arrears", price_id, metric_id, Decimal(tokens), TOKEN, start, end)


def by_kind(lines):
    assert len({line.event_type for line in lines}) == len(lines)
    return {line.event_type: line for line in lines}


def test_the_table_is_what_it_claims():
    assert (at(END) - at(ANCHOR)).days == DAYS
    assert at(BOUNDARIES[12]) + GRACE == at(END)
    assert bill(FEE) == Bill(Decimal("49.90"), Decimal("4.24"), Decimal("54.14"))
    assert bill(FEE, Decimal(TOKENS[5]) * TOKEN).subtotal == Decimal("51.91")  # 51.905: to even it would be 51.90
    assert bill(FEE, Decimal(TOKENS[6]) * TOKEN).tax == Decimal("4.51")  # 4.505: to even it would be 4.50


def test_first_payment_opens_the_subscription():
    lived = year(one_jump, "by_hand")
    pending, payment = lived.opened.pending, lived.opened.pending.payment
    assert pending.status == "pending_payment"
    assert (pending.started_at, pending.billing_anchor) == (at(ANCHOR), at(ANCHOR))
    assert (pending.billing_cadence, pending.test_clock_id) == ("P1M", lived.opened.clock.id)
    assert pending.estimated_tax_rate == 8.5
    assert payment.status == "pending"
    assert payment.amount == "54.14"
    assert payment.payment_session_id.startswith("ps_")
    assert local(payment.checkout_url)
    assert lived.opened.subscription.status == "active"

    first = lived.at_start[0]
    assert (first.sequence_number, first.status) == (0, "PAID")
    assert payment.invoice_id in (None, first.id)
    assert_bill(first, bill(FEE))
    assert (first.paid_amount, first.unpaid_amount) == ("54.14", "0.00")
    assert (first.period_start, first.period_end) == (at(BOUNDARIES[0]), at(BOUNDARIES[1]))
    assert first.issued_at == first.paid_at == first.due_at == at(ANCHOR)
    (line,) = lived.lines[first.id]
    assert_fee_line(line, lived.opened.catalogue, BOUNDARIES[0], BOUNDARIES[1])
    assert Decimal(line.total_amount) == Decimal("54.14150")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("payer_name", PAYERS)
def test_twelve_renewals(way, payer_name):
    assert_renewals(year(way, payer_name), PAYERS[payer_name])


def test_twelve_renewals_while_the_world_moves_on():
    assert_renewals(year(one_jump, "by_hand", frozen=False), PAYERS["by_hand"])


def assert_renewals(lived, payer):
    subscription, catalogue = lived.opened.subscription, lived.opened.catalogue
    assert [invoice.sequence_number for invoice in lived.invoices] == list(range(14))
    numbers = {invoice.invoice_number for invoice in lived.invoices[:13]}
    assert len(numbers) == 13 and all(numbers)

    for n in RENEWALS:
        invoice = lived.invoices[n]
        before, now, after = BOUNDARIES[n - 1], BOUNDARIES[n], BOUNDARIES[n + 1]
        issued = at(now) + GRACE
        assert (invoice.subscription_id, invoice.customer_id) == (subscription.id, lived.opened.customer_id)
        assert (invoice.period_start, invoice.period_end) == (at(before), at(after))
        assert invoice.grace_period_end == invoice.issued_at == issued
        assert invoice.due_at == issued  # midnight of that day, and no days to pay
        assert (invoice.billing_anchor, invoice.billing_cadence) == (at(ANCHOR), "P1M")

        expected = bill(FEE, Decimal(TOKENS[n]) * TOKEN)
        assert_bill(invoice, expected)
        assert invoice.status == payer.status
        if payer.status == "PAID":
            assert invoice.paid_at == invoice.issued_at
            assert (invoice.paid_amount, invoice.unpaid_amount) == (str(expected.total), "0.00")
            assert not invoice.payment_url
        else:
            assert not invoice.paid_at
            assert (invoice.paid_amount, invoice.unpaid_amount) == ("0.00", str(expected.total))
            assert bool(invoice.payment_url) == (payer.status == "ISSUED")

        lines = by_kind(lived.lines[invoice.id])
        assert len(lines) == invoice.item_count == 2
        assert_token_line(lines["usage"], catalogue, TOKENS[n], before, now)
        assert_fee_line(lines["fee"], catalogue, now, after)

    running = lived.invoices[13]
    assert (running.status, running.period_start) == ("ACTIVE", at(BOUNDARIES[12]))
    assert not running.issued_at and not running.invoice_number and not running.payment_url


@pytest.mark.parametrize("way", [twelve_months, day_by_day], ids=lambda way: way.__name__)
@pytest.mark.parametrize("payer_name", PAYERS)
def test_steps_end_where_one_jump_ends(way, payer_name):
    assert year(way, payer_name).stored == year(one_jump, payer_name).stored


def test_a_second_life_is_the_same():
    assert year.__wrapped__(one_jump, "saved_card").stored == year(one_jump, "saved_card").stored


def test_grace_takes_late_events_until_it_ends(world):
    sdk = world.sdk
    opened = shop.open_shop(world)
    subscription_id = opened.subscription.id

    def first_renewal():
        return shop.invoices(sdk, subscription_id)[1]

    shop.jump(sdk, opened.clock.id, "2028-02-28T23:59:59Z")
    assert first_renewal().status == "ACTIVE"

    shop.jump(sdk, opened.clock.id, "2028-02-29T12:00:00Z")
    closing = first_renewal()
    assert closing.status == "CLOSING"
    assert closing.grace_period_end == at("2028-03-01T00:00:00Z")
    assert not closing.issued_at and not closing.payment_url
    assert shop.invoices(sdk, subscription_id)[-1].sequence_number == 2

    shop.ingest(sdk, opened.customer_id, "2028-02-10T00:00:00Z", 1550, "late")
    shop.jump(sdk, opened.clock.id, "2028-03-01T00:00:00Z")
    issued = first_renewal()
    assert (issued.status, issued.issued_at) == ("ISSUED", at("2028-03-01T00:00:00Z"))
    assert_bill(issued, bill(FEE, Decimal(1550) * TOKEN))

    shop.ingest(sdk, opened.customer_id, "2028-02-11T00:00:00Z", 9999, "too-late")
    shop.jump(sdk, opened.clock.id, "2028-04-01T00:00:00Z")
    assert_bill(first_renewal(), bill(FEE, Decimal(1550) * TOKEN))
    assert_bill(shop.invoices(sdk, subscription_id)[2], bill(FEE, Decimal(0)))
