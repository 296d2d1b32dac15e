"""The customer portal and the page behind an authorization link."""

import pytest
from playwright.sync_api import expect

from checkout import pay


@pytest.fixture
def running(merchant):
    """A subscription with a card, and a renewal that was charged to it."""
    running = merchant.subscription(autoCharge=True)
    merchant.complete(running)
    merchant.turn(running, "2028-03-02T00:00:00Z")
    return running


def test_a_portal_link_opens_once(any_page, merchant, running, picture):
    link = merchant.portal(running)
    any_page.goto(link)
    expect(any_page.get_by_test_id("subscription-name")).to_have_text("Ada, Starter")
    expect(any_page.get_by_test_id("subscription-status")).to_have_text("Active")
    expect(any_page.get_by_test_id("invoice")).to_have_count(2)
    picture(any_page, "portal")
    any_page.reload()
    expect(any_page.get_by_test_id("subscription-name")).to_be_visible()
    spent = any_page.goto(link)
    assert spent.status == 410
    expect(any_page.get_by_role("heading")).to_have_text("This link has been used")
    picture(any_page, "portal-spent")


def test_cards_are_added_preferred_and_removed(page, merchant, running, picture):
    page.goto(merchant.portal(running))
    page.get_by_test_id("add-payment-method").click()
    expect(page.get_by_test_id("amount")).to_have_text("No charge today")
    pay(page, "5555 5555 5555 4444")
    cards = page.get_by_test_id("payment-method")
    expect(cards).to_have_count(2)
    picture(page, "portal-two-cards")
    visa, mastercard = cards.filter(has_text="4242"), cards.filter(has_text="4444")
    expect(mastercard.get_by_text("Default")).to_be_visible()
    visa.get_by_test_id("default-payment-method").click()
    expect(visa.get_by_text("Default")).to_be_visible()
    assert merchant.cards(running.customer)[-1] == "4242"
    mastercard.get_by_test_id("remove-payment-method").click()
    expect(cards).to_have_count(1)
    assert merchant.cards(running.customer) == ["4242"]


def test_in_a_frame_an_invoice_is_paid_and_the_portal_comes_back(page, merchant, shop, picture):
    owing = merchant.subscription()
    merchant.complete(owing)
    merchant.turn(owing, "2028-03-02T00:00:00Z")
    order = shop.embed(merchant.portal(owing))
    page.goto(order)
    frame = page.frame_locator("iframe")
    frame.get_by_test_id("pay-invoice").click()
    pay(frame)
    expect(frame.get_by_test_id("subscription-name")).to_be_visible()
    expect(frame.get_by_test_id("pay-invoice")).to_have_count(0)
    picture(page, "framed-portal")
    assert [invoice["status"] for invoice in merchant.invoices(owing)] == ["PAID", "PAID"]
    assert page.url == order
    expect(page.get_by_role("listitem")).to_have_count(0)


def test_an_invoice_opens_as_pdf(page, merchant, running):
    page.goto(merchant.portal(running))
    address = page.get_by_test_id("invoice-pdf").first.get_attribute("href")
    answer = page.request.get(address)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")


def test_on_a_phone_the_portal_fits(browse, merchant, running, picture):
    page = browse(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    page.goto(merchant.portal(running))
    picture(page, "phone-portal")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_signing_up_and_paying_starts_a_subscription(any_page, merchant, picture):
    invitation = merchant.invitation("plan_starterMonthly")
    any_page.goto(invitation.url)
    expect(any_page.get_by_test_id("plan")).to_have_text("Starter")
    any_page.get_by_test_id("approve").click()
    expect(any_page.get_by_role("alert")).to_be_visible()
    picture(any_page, "sign-up-wrong-fields")
    any_page.get_by_label("Name", exact=True).fill("Grace Hopper")
    any_page.get_by_label("E-mail address").fill("grace@example.com")
    picture(any_page, "sign-up")
    any_page.get_by_test_id("approve").click()
    expect(any_page.get_by_test_id("card-number")).to_be_visible()
    any_page.get_by_role("link", name="4242 4242 4242 4242").click()
    any_page.get_by_test_id("pay").click()
    expect(any_page).to_have_url(invitation.yes)
    merchant.wait_for("subscription.activated.v0")
    (signed_up,) = merchant.subscriptions()
    assert (signed_up["status"], signed_up["planId"]) == ("active", "plan_starterMonthly")
    assert any_page.goto(invitation.url).status == 410


def test_whoever_does_not_want_to_sign_up_is_led_back(page, merchant):
    invitation = merchant.invitation("plan_starterMonthly")
    page.goto(invitation.url)
    page.get_by_test_id("cancel").click()
    expect(page).to_have_url(invitation.no)
    assert merchant.subscriptions() == []
