"""Paylera's pages: checkout, the bank's challenge, the customer portal."""

import re

import pytest
from playwright.sync_api import expect

from checkout import fill_in, pay

PHONE = {"width": 390, "height": 844}


def test_a_subscription_is_bought_after_a_decline(any_page, tenant, shop, picture):
    tenant.post("/v1/coupons", {"code": "WELCOME20", "percent_off": "20"})
    session = tenant.checkout(shop, allow_promotion_codes=True)
    page = any_page
    page.goto(session["url"])
    expect(page.get_by_test_id("amount")).to_have_text("USD 85.32")
    page.get_by_test_id("code").fill("NOTHING")
    page.get_by_test_id("apply-code").click()
    expect(page.get_by_text("NOTHING", exact=False).first).to_be_visible()
    picture(page, "paylera-checkout-wrong-code")
    page.get_by_test_id("code").fill("WELCOME20")
    page.get_by_test_id("apply-code").click()
    expect(page.get_by_test_id("amount")).to_have_text("USD 68.26")
    pay(page, "4000 0000 0000 0002")
    expect(page.get_by_test_id("message")).to_be_visible()
    picture(page, "paylera-checkout-declined")
    pay(page)
    page.wait_for_url(re.compile(rf"/success\?session_id={session['id']}$"))
    assert tenant.get(f"/v1/checkout/sessions/{session['id']}")["status"] == "complete"
    assert tenant.get("/v1/invoices")["data"][0]["total"] == "68.26"


@pytest.mark.parametrize(("answer", "status"), [("approve", "succeeded"), ("fail", "failed")])
def test_the_bank_asks_about_a_payment(any_page, tenant, shop, picture, answer, status):
    tenant.method("tok_visa_3ds")
    line = {"description": "Setup", "unit_amount": "49.00"}
    invoice = tenant.post("/v1/invoices", {"customer_id": tenant.customer, "currency": "USD", "lines": [line]})["id"]
    tenant.post(f"/v1/invoices/{invoice}/finalize")
    payment = tenant.post(f"/v1/invoices/{invoice}/pay", {"return_url": shop.url("/success") + "?id={PAYMENT_ID}"})
    any_page.goto(payment["next_action"]["url"])
    picture(any_page, "paylera-3ds")
    any_page.get_by_test_id(answer).click()
    any_page.wait_for_url(re.compile(rf"\?id={payment['id']}$"))
    assert tenant.get(f"/v1/payments/{payment['id']}")["status"] == status


def test_the_portal_does_what_is_asked(any_page, tenant, shop, picture):
    tenant.method()
    subscription = tenant.subscribe()["id"]
    page = any_page
    link = tenant.portal(shop)
    page.goto(link)
    expect(page.get_by_test_id("subscription-status")).to_have_text("Active")
    picture(page, "paylera-portal")
    page.get_by_test_id("change-plan").click()
    expect(page.get_by_test_id("message")).to_have_text("Your plan was changed.")
    page.get_by_test_id("quantity").fill("5")
    page.get_by_test_id("change-quantity").click()
    expect(page.get_by_test_id("message")).to_have_text("The quantity was changed.")
    page.get_by_test_id("cancel").click()
    page.get_by_test_id("reactivate").click()
    expect(page.get_by_test_id("message")).to_have_text("Your subscription goes on.")
    page.get_by_test_id("add-payment-method").click()
    picture(page, "paylera-portal-card")
    pay(page, "5555 5555 5555 4444")
    expect(page.get_by_test_id("payment-method")).to_have_count(2)
    page.get_by_test_id("tax-type").fill("eu_vat")
    page.get_by_test_id("tax-value").fill("DE123456789")
    page.get_by_test_id("add-tax-id").click()
    expect(page.get_by_test_id("tax-id")).to_have_count(1)
    page.get_by_test_id("city").fill("London")
    page.get_by_test_id("save-address").click()
    expect(page.get_by_test_id("message")).to_have_text("Your address was changed.")
    page.get_by_test_id("leave").click()
    page.wait_for_url(re.compile("/success$"))
    row = tenant.get(f"/v1/subscriptions/{subscription}")
    assert (row["plan_code"], row["quantities"]) == ("starter-yearly-usd", {"seats": 5})
    events = tenant.events()
    assert events[-1] == "portal.session.completed"
    assert {"subscription.updated", "subscription.reactivated", "customer.payment_method_attached", "customer.updated"} <= set(events)
    spent = page.goto(link)
    assert spent.status == 410


def test_a_failed_invoice_is_paid_with_another_card(page, tenant, shop, picture):
    tenant.method()
    tenant.subscribe()
    tenant.method("tok_visa_decline")
    tenant.control.post("/clock/advance", {"to": "2028-03-02T00:00:00Z"})
    page.goto(tenant.portal(shop))
    expect(page.get_by_test_id("subscription-status")).to_have_text("Past due")
    page.get_by_test_id("pay-invoice").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    picture(page, "paylera-portal-declined")
    page.get_by_test_id("default-payment-method").first.click()
    page.get_by_test_id("pay-invoice").click()
    expect(page.get_by_test_id("subscription-status")).to_have_text("Active")
    assert "subscription.dunning_recovered" in tenant.events()


@pytest.mark.parametrize("locale", ["ar", "fr", "en"])
@pytest.mark.parametrize("size", [PHONE, {"width": 320, "height": 640}, {"width": 1200, "height": 900}], ids=["390", "320", "1200"])
def test_every_language_fits(browse, tenant, shop, picture, locale, size):
    tenant.method()
    tenant.subscribe()
    page = browse(viewport=size)
    page.goto(tenant.portal(shop, locale=locale))
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if locale == "ar" else "ltr")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"paylera-portal-{locale}-{size['width']}")
    page.get_by_test_id("add-payment-method").click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    picture(page, f"paylera-card-{locale}-{size['width']}")


def test_the_language_follows_the_browser_and_the_colours_the_brand(browse, tenant, shop, picture):
    tenant.patch("/v1/admin/portal/settings", {"branding": {"name": "Harbor", "accent_color": "#0a6b52"}})
    page = browse(locale="fr-FR", color_scheme="dark")
    page.goto(tenant.portal(shop))
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre compte")
    accent = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
    assert accent == "#0a6b52"
    picture(page, "paylera-portal-brand-dark")


def test_the_keyboard_is_enough(page, tenant, shop):
    tenant.method()
    tenant.subscribe()
    page.goto(tenant.portal(shop))
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.testid") == "cancel":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("reactivate")).to_be_visible()
    session = tenant.checkout(shop)
    page.goto(session["url"])
    fill_in(page)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/success"))


def test_the_portal_stays_out_of_frames(page, tenant, shop):
    link = tenant.portal(shop)
    page.goto(shop.embed(link))
    frame = page.frames[-1]
    expect(page.locator("iframe")).to_be_visible()
    assert frame.get_by_test_id("subscription-status").count() == 0
    assert frame.locator("h1#title").count() == 0
