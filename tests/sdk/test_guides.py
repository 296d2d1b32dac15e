"""The vendor's three seed guides, request by request: customer lifecycle, customers and subscriptions, create a subscription.

Raw HTTP, with the headers, the method, the path and the shape of body that each guide shows; only the base URL, the key
and the ids of what was created before differ.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

import shop
from sandbox import local
from shop import ANCHOR, MERCHANT, at

LIFECYCLE_CUSTOMER = {
    "merchantId": "org_YS8jkP59V71TdUvj",
    "consumer": {
        "name": "John Doe",
        "email": "john.doe@example.com",
        "phone": "+1-555-0100",
        "address": {
            "line1": "123 Main St",
            "city": "San Francisco",
            "state": "CA",
            "country": "US",
            "zipCode": "94105",
        },
    },
}
# Every field that the page «create a subscription» lists for its answer. testClockId is «only present» with a clock.
ANSWER_FIELDS = {
    "id",
    "object",
    "autoCharge",
    "createdAt",
    "customerId",
    "endingAt",
    "estimatedTaxRate",
    "items",
    "name",
    "payment",
    "planId",
    "prefundAmount",
    "startedAt",
    "status",
    "terminatedAt",
    "terminatedBy",
    "terminationReason",
    "updatedAt",
    "walletId",
}
AXIOS_ACCEPT = "application/json, text/plain, */*"


@pytest.fixture
def post(raw):
    def post(path, body):
        return raw.post(path, json=body, headers={"Accept": AXIOS_ACCEPT, "Content-Type": "application/json"})

    return post


def javascript_date(moment):
    """What `new Date().toISOString()` makes of it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


@pytest.fixture
def now(control):
    """The world's own time, which is no test clock's."""
    return at(control.get("/clock")["now"])


@pytest.fixture
def customer_id(post):
    return post("/v0/customers", LIFECYCLE_CUSTOMER).json()["customerId"]


def test_create_managed_customer_twice(post):
    created = post("/v0/customers", LIFECYCLE_CUSTOMER)
    assert created.status_code == 201, created.text
    assert created.json()["customerId"].startswith("cus_")
    assert created.json()["validTaxAddress"] == {"valid": True, "message": None}

    again = post("/v0/customers", LIFECYCLE_CUSTOMER)
    assert again.status_code == 200, again.text
    assert again.json()["customerId"] == created.json()["customerId"]


def test_create_postpaid_subscription_with_prefund(client, control, post, raw, customer_id, now):
    created = post(
        "/v0/subscriptions",
        {
            "customerId": customer_id,
            "planId": shop.usage_only_plan(client).plan.id,
            "name": "Monthly API Service",
            "startedAt": javascript_date(now),
            "prefundAmount": "25",
        },
    )
    assert created.status_code == 201, created.text
    subscription = created.json()
    payment = subscription["payment"]
    assert subscription["id"].startswith("sub_")
    assert subscription["status"] == "pending_payment"
    assert subscription["prefundAmount"] == "25000000000"
    assert local(payment["checkoutUrl"])
    assert Decimal(payment["amount"]) == Decimal(payment["breakdown"]["walletCharge"]) == 25
    assert Decimal(payment["breakdown"]["upfrontCharges"]) == 0

    shop.complete(control, payment["paymentSessionId"])
    assert raw.get(f"/v0/subscriptions/{subscription['id']}").json()["status"] == "active"


def test_up_front_fee_gives_a_payment_link(client, control, post, raw, customer_id, now):
    created = post(
        "/v0/subscriptions",
        {
            "customerId": customer_id,
            "planId": shop.catalogue(client).plan.id,
            "name": "Monthly API Service",
            "startedAt": javascript_date(now),
        },
    )
    assert created.status_code == 201, created.text
    subscription = created.json()
    assert subscription["status"] == "pending_payment"
    assert local(subscription["payment"]["checkoutUrl"])

    shop.complete(control, subscription["payment"]["paymentSessionId"])
    assert raw.get(f"/v0/subscriptions/{subscription['id']}").json()["status"] == "active"


def test_generate_portal_link(world, post):
    subscription_id = shop.open_shop(world).subscription.id
    first = post(f"/v0/subscriptions/{subscription_id}/portal", {})
    assert first.status_code == 200, first.text
    assert local(first.json()["url"])
    # «Portal URLs are single-use - generate a fresh URL for each session or page reload»
    assert post(f"/v0/subscriptions/{subscription_id}/portal", {}).json()["url"] != first.json()["url"]


def test_create_invoice_checkout(world, post):
    opened = shop.open_shop(world)
    shop.jump(world.sdk, opened.clock.id, "2028-03-01T00:00:00Z")
    unpaid = shop.invoices(world.sdk, opened.subscription.id)[1]
    assert unpaid.status == "ISSUED"

    answer = post(
        f"/v0/invoices/{unpaid.id}/checkout",
        {
            "redirectUrls": {
                "onSuccess": "https://yourapp.com/success",
                "onFailure": "https://yourapp.com/failure",
            },
            "savePaymentMethod": True,
        },
    )
    assert answer.status_code in (200, 201), answer.text
    session_id = local(answer.json()["paymentUrl"]).rstrip("/").rpartition("/")[2].partition("?")[0]
    assert session_id.startswith("ps_")

    shop.complete(world.control, session_id)
    assert world.sdk.invoices_v2.get(id=unpaid.id).status == "PAID"


def test_authorization_flow_gives_a_link(post):
    answer = post("/v0/customers/authorization", {"merchantId": MERCHANT})
    assert answer.status_code in (200, 201), answer.text
    assert local(answer.json()["url"])


def test_subscription_flow_creates_its_customer(client, post, raw, now):
    created = post(
        "/v0/subscriptions",
        {
            "customer": LIFECYCLE_CUSTOMER["consumer"],
            "planId": shop.usage_only_plan(client).plan.id,
            "name": "Monthly API Service",
            "startedAt": javascript_date(now),
        },
    )
    assert created.status_code == 201, created.text
    customer_id = created.json()["customerId"]
    assert raw.get(f"/v0/customers/{customer_id}").json()["id"] == customer_id
    # The same e-mail address is the same consumer, and so the same customer.
    again = post("/v0/customers", LIFECYCLE_CUSTOMER)
    assert (again.status_code, again.json()["customerId"]) == (200, customer_id)


def test_every_field_of_create_a_subscription(client, raw, post, customer_id):
    goods = shop.catalogue(client)
    clock = client.test_clocks.create(current_time=at(ANCHOR))
    body = {
        "autoCharge": False,
        "customer": {
            "name": "John Doe",
            "email": "john.doe@example.com",
            "phone": "+1-555-0100",
            "address": {
                "line1": "123 Main St",
                "line2": "Suite 4",
                "city": "San Francisco",
                "state": "CA",
                "country": "US",
                "zipCode": "94105",
            },
            "taxRates": {},
        },
        "customerId": customer_id,
        "endingAt": "2028-11-07T05:31:56Z",
        "items": [{"billableMetricId": goods.metric.id, "quantity": 123}],
        "name": "StartupXYZ - Image Generation Service",
        "planId": goods.plan.id,
        "prefundAmount": "50.00",
        "redirectUrls": {"onSuccess": "https://yourapp.com/success", "onFailure": "https://yourapp.com/failure"},
        "startedAt": ANCHOR,
        "testClockId": clock.id,
    }
    created = post("/v0/subscriptions", body)
    assert created.status_code == 201, created.text
    answer = created.json()
    assert ANSWER_FIELDS | {"testClockId"} <= answer.keys()
    assert answer["id"].startswith("sub_") and answer["object"] == "subscription"
    assert answer["customerId"] == customer_id
    for field in ("autoCharge", "name", "planId", "testClockId"):
        assert answer[field] == body[field]
    for field in ("startedAt", "endingAt"):
        assert at(answer[field]) == at(body[field])
    assert answer["status"] == "pending_payment"
    assert answer["estimatedTaxRate"] == 8.5
    (item,) = answer["items"]
    assert (item["billableMetricId"], item["quantity"]) == (goods.metric.id, 123)
    assert answer["prefundAmount"] == "50000000000"
    assert answer["walletId"].startswith("acc_")
    payment = answer["payment"]
    assert Decimal(payment["amount"]) == sum(Decimal(part) for part in payment["breakdown"].values())
    assert Decimal(payment["breakdown"]["walletCharge"]) == 50
    assert (answer["terminatedAt"], answer["terminatedBy"], answer["terminationReason"]) == (None, None, None)

    # «200 Subscription already exists»
    again = post("/v0/subscriptions", body)
    assert again.status_code == 200, again.text
    assert again.json()["id"] == answer["id"]
    assert raw.get(f"/v0/subscriptions/{answer['id']}").json()["id"] == answer["id"]


def test_required_fields_of_create_a_subscription(client, post, customer_id, now):
    created = post(
        "/v0/subscriptions",
        {
            "name": "TechCorp - LLM API Access",
            "planId": shop.usage_only_plan(client).plan.id,
            "startedAt": javascript_date(now - timedelta(minutes=1)),
            "customerId": customer_id,
        },
    )
    assert created.status_code == 201, created.text
    answer = created.json()
    assert ANSWER_FIELDS <= answer.keys()
    assert (answer["status"], answer["autoCharge"], answer["items"]) == ("active", False, [])
    for field in ("endingAt", "payment", "terminatedAt", "terminatedBy", "terminationReason"):
        assert answer[field] is None, field
    assert answer["walletId"].startswith("acc_")


@pytest.mark.parametrize("missing", ["name", "planId", "startedAt", "customerId"])
def test_what_create_a_subscription_requires(client, post, customer_id, now, missing):
    body = {
        "name": "TechCorp - LLM API Access",
        "planId": shop.usage_only_plan(client).plan.id,
        "startedAt": javascript_date(now),
        "customerId": customer_id,
    }
    del body[missing]
    refused = post("/v0/subscriptions", body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["message"]
