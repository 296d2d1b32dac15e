"""Items, what other systems call them, connections, users and the reset: every operation through the vendor's client."""

from datetime import date

import pytest
from paygentic_sdk import errors

import shop
from shop import ANCHOR, MERCHANT, at
from test_surface import MISSING, ids, refused


def item(client, name="Seats", **more):
    return client.items.create_item(merchant_id=MERCHANT, name=name, **more)


def reference(client, entity_type, entity_id, external_id, provider="netsuite", **more):
    return client.external_references.create_external_reference(
        merchant_id=MERCHANT,
        entity_type=entity_type,
        entity_id=entity_id,
        provider=provider,
        external_id=external_id,
        **more,
    )


def connect(client, **more):
    return client.merchant_integrations.upsert_merchant_integration(
        merchant_id=MERCHANT, provider="salesforce", **more
    )


def listed(client, **query):
    return ids(client.items.list_items(request=query))


def test_items(client):
    product_id = shop.product(client).id
    seats = item(client, catalog_id=product_id, metadata={"gl": "4000"})
    assert seats.id.startswith("itm_") and seats.object == "item" and seats.merchant_id == MERCHANT
    assert (seats.catalog_id, seats.metadata, seats.archived_at) == (product_id, {"gl": "4000"}, None)
    assert seats.external_references == []
    assert client.items.get_item(id=seats.id) == seats
    other = item(client, "Other")
    assert listed(client, merchant_id=MERCHANT) == [seats.id, other.id]
    assert listed(client, catalog_id=product_id) == [seats.id]
    renamed = client.items.update_item(id=seats.id, name="Chairs", catalog_id=None)
    assert (renamed.name, renamed.catalog_id, renamed.metadata) == ("Chairs", None, {"gl": "4000"})

    archived = client.items.update_item(id=other.id, archived=True)
    assert archived.archived_at is not None
    assert listed(client) == [seats.id]
    assert listed(client, include_archived=True) == [seats.id, other.id]
    assert client.items.update_item(id=other.id, archived=False).archived_at is None

    refused(errors.Error, 404, client.items.get_item, id=f"itm_{MISSING}")
    refused(errors.Error, 404, item, client, catalog_id=f"prod_{MISSING}")


def test_tags(client):
    goods = shop.catalogue(client)
    seats = item(client, catalog_id=goods.product.id)
    assert client.fees.update(id=goods.fee.id, item_id=seats.id).item_id == seats.id
    assert client.billable_metrics.update(id=goods.metric.id, item_id=seats.id).item_id == seats.id
    assert ids(client.fees.list(merchant_id=MERCHANT, item_id=seats.id)) == [goods.fee.id]
    assert ids(client.billable_metrics.list(merchant_id=MERCHANT, item_id=seats.id)) == [goods.metric.id]
    held = refused(errors.BadRequest, 400, client.items.update_item, id=seats.id, archived=True)
    assert held.data.details["blockers"][1]["items"][0]["id"] == goods.fee.id
    foreign = item(client, "Foreign", catalog_id=shop.product(client, "Other").id)
    wrong = refused(errors.BadRequest, 400, client.fees.update, id=goods.fee.id, item_id=foreign.id)
    assert wrong.data.code == "ITEM_PRODUCT_MISMATCH"
    assert client.fees.update(id=goods.fee.id, item_id=None).item_id is None


def test_lines_carry_their_tag(world):
    client = world.sdk
    opened = shop.open_shop(world)
    seats = item(client)
    client.fees.update(id=opened.catalogue.fee.id, item_id=seats.id)
    first, renewal = shop.invoices(client, opened.subscription.id)
    of = {invoice.id: client.invoices_v2.get_line_items(id=invoice.id).line_items for invoice in (first, renewal)}
    assert [line.item_id for line in of[first.id]] == [None]
    assert {line.item_id for line in of[renewal.id]} == {seats.id, None}


def test_external_references(client):
    seats, chairs = item(client).id, item(client, "Chairs").id
    first = reference(client, "item", seats, "4000", external_label="Seat licences", metadata={"book": "EU"})
    assert first.id.startswith("xrf_") and first.object == "externalReference"
    assert (first.entity_type, first.entity_id, first.provider, first.external_id) == ("item", seats, "netsuite", "4000")
    assert (first.external_label, first.metadata) == ("Seat licences", {"book": "EU"})
    assert first.is_primary and first.is_default
    api = client.external_references
    assert api.get_external_reference(id=first.id) == first
    assert client.items.get_item(id=seats).external_references == [first]

    refused(errors.Error, 409, reference, client, "item", chairs, "4000")
    second = reference(client, "item", chairs, "4000", is_primary=False)
    refused(errors.Error, 409, api.update_external_reference, id=second.id, is_primary=True)
    refused(errors.Error, 404, reference, client, "item", f"itm_{MISSING}", "1")
    refused(errors.BadRequest, 400, reference, client, "item", seats, "not a code")
    assert listed(client, provider="netsuite", external_id="4000") == [seats, chairs]
    api.update_external_reference(id=first.id, is_primary=False)
    assert api.update_external_reference(id=second.id, is_primary=True).is_primary
    assert listed(client, provider="netsuite", external_id="4000") == [chairs, seats]

    moved = reference(client, "item", item(client, "Third").id, "4000", move_claim=True)
    assert moved.is_primary and not api.get_external_reference(id=second.id).is_primary
    assert api.update_external_reference(id=moved.id, external_label=None, metadata={"a": 1}).metadata == {"a": 1}
    found = api.list_external_references(request={"entity_type": "item", "provider": "netsuite", "limit": 2})
    assert (ids(found), found.pagination.total) == ([first.id, second.id], 3)
    api.delete_external_reference(id=moved.id)
    refused(errors.Error, 404, api.get_external_reference, id=moved.id)


def test_merchant_integrations(client):
    made = connect(client, external_id="00D1", config={"env": "test"})
    assert made.id.startswith("mint_") and made.object == "merchantIntegration"
    assert (made.status, made.external_id, made.config) == ("active", "00D1", {"env": "test"})
    assert made.capabilities.resolves_item_codes and not made.capabilities.sends_item_codes
    assert connect(client).id == made.id
    api = client.merchant_integrations
    assert api.get_merchant_integration(id=made.id).connected_at == made.connected_at
    off = api.disconnect_merchant_integration(id=made.id)
    assert off.status == "disconnected" and off.disconnected_at is not None
    assert ids(api.list_merchant_integrations(request={"provider": "salesforce"})) == [made.id]
    assert connect(client).disconnected_at is None
    refused(errors.Error, 404, api.upsert_merchant_integration, merchant_id=MERCHANT, provider="netsuite")
    refused(errors.Error, 404, api.get_merchant_integration, id=f"mint_{MISSING}")


def test_salesforce_accounts(client):
    accounts = client.salesforce.list_salesforce_accounts
    refused(errors.BadRequest, 400, accounts, merchant_id=MERCHANT)
    connect(client)
    none = accounts(merchant_id=MERCHANT)
    assert (none.data, none.total_size, none.done) == ([], 0, True)
    customer_id = shop.customer(client)
    reference(client, "customer", customer_id, "0011", "salesforce", external_label="Acme")
    reference(client, "customer", customer_id, "0012", "salesforce")
    page = accounts(merchant_id=MERCHANT, limit=1)
    assert (page.data, page.total_size, page.done) == ([{"Id": "0011", "Name": "Acme"}], 2, False)
    found = accounts(merchant_id=MERCHANT, q="doe")
    assert (found.data, found.done) == ([{"Id": "0012", "Name": "John Doe"}], True)


def test_users(client):
    user = client.users.get(id="usr_leapday")
    assert user.object == "user" and "@" in user.email and user.ory_id
    assert [organization.state for organization in user.organizations] == ["active"]
    changed = client.users.update(
        id=user.id,
        first_name="Ada",
        last_name="Lovelace",
        phone="+44 20 7946 0000",
        date_of_birth=date(1815, 12, 10),
        type_="INDIVIDUAL",
        address={"city": "London", "country": "GB"},
    )
    assert (changed.first_name, changed.last_name, changed.date_of_birth) == ("Ada", "Lovelace", date(1815, 12, 10))
    assert (changed.type, changed.address.country) == ("INDIVIDUAL", "GB")
    assert client.users.get(id=user.id) == changed
    refused(errors.Error, 404, client.users.get, id=f"usr_{MISSING}")


@pytest.mark.parametrize("keep_catalog", [True, False])
def test_reset_of_a_merchant(world, keep_catalog):
    client = world.sdk
    opened = shop.open_shop(world)
    kept = item(client, catalog_id=opened.catalogue.product.id)
    reset = {"scope": "merchant", "keep_catalog": keep_catalog}
    assert client.merchants.reset(merchant_id=MERCHANT, merchant_reset=reset) is None
    refused(errors.Error, 404, client.customers.get, id=opened.customer_id)
    refused(errors.Error, 404, client.subscriptions.get, id=opened.subscription.id)
    refused(errors.Error, 404, client.test_clocks.get, id=opened.clock.id)
    assert client.invoices_v2.list(request={}).data == []
    assert listed(client) == ([kept.id] if keep_catalog else [])
    assert (client.products.list(request={}).pagination.total > 0) is keep_catalog
    again = shop.open_shop(world)
    assert shop.jump(client, again.clock.id, "2028-04-01T00:00:00Z").current_time == at("2028-04-01T00:00:00Z")
    assert again.customer_id != opened.customer_id


def test_reset_of_a_customer(world):
    client = world.sdk
    opened = shop.open_shop(world)
    stays = shop.customer(client, email="stays@example.com")
    own = shop.subscription(client, opened.catalogue.plan.id, stays, opened.clock.id)
    shop.complete(world.control, own.payment.payment_session_id)
    reset = {"scope": "customer", "customer_id": opened.customer_id}
    client.merchants.reset(merchant_id=MERCHANT, merchant_reset=reset)
    refused(errors.Error, 404, client.customers.get, id=opened.customer_id)
    assert client.test_clocks.get(id=opened.clock.id).current_time == at(ANCHOR)
    shop.jump(client, opened.clock.id, "2028-04-01T00:00:00Z")
    assert {invoice.customer_id for invoice in client.invoices_v2.list(request={}).data} == {stays}
    assert len(shop.invoices(client, own.id)) == 4
    refused(errors.Error, 404, client.merchants.reset, merchant_id=MERCHANT, merchant_reset=reset)
