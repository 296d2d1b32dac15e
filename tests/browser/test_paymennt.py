"""Paymennt's pages: a web shop's checkout, the links of subscriptions, the frames that take a card."""

import json
import re
from string import Template

import pytest
from playwright.sync_api import expect

from checkout import fill_in

PHONE = {"width": 390, "height": 844}
HOOK_S = 10
FRAMES = Template("""<!doctype html>
<html lang="en"><link rel="icon" href="data:,"><title>Shop</title>
<h1>Your order</h1>
<div id="paymennt-frame"></div>
<button id="go">Pay</button><output id="token"></output><p id="valid"></p><p id="error"></p>
<script src="$site/static/js/paymennt-frames.js"></script>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  PaymenntJS.init({
    publicKey: "$key",
    mode: PaymenntJS.modes.TEST,
    onTokenized: ({ token }) => show("token", token),
    onTokenizationFailed: ({ error }) => show("error", error),
    onValidationUpdate: ({ valid, validationErrors }) => show("valid", valid + " " + validationErrors.length),
  });
  document.getElementById("go").onclick = () => PaymenntJS.submitPayment();
</script></html>""")


def told(paymennt, shop, hook, status):
    """Waits for the webhook that says so, and checks its signature."""
    while True:
        body = json.loads(paymennt.verified(hook, shop.hooks.get(timeout=HOOK_S)))
        if body["status"] == status:
            return body


@pytest.mark.parametrize(
    ("number", "status"),
    [("4242 4242 4242 4242", "PAID"), ("4000 0000 0000 0002", "FAILED"), (None, "CANCELLED")],
)
def test_a_web_shop_learns_how_it_went(any_page, paymennt, shop, picture, number, status):
    hook = paymennt.hook(shop)
    checkout = paymennt.web(shop)
    page = any_page
    page.goto(checkout["redirectUrl"])
    expect(page.get_by_test_id("amount")).to_have_text("AED 100.00")
    picture(page, "paymennt-checkout")
    if number:
        fill_in(page, number)
        page.get_by_test_id("terms").check()
        page.get_by_test_id("pay").click()
    else:
        page.get_by_test_id("cancel").click()
    back = rf"/return\?wc-api=x&reference={checkout['requestId']}&checkout={checkout['id']}$"
    page.wait_for_url(re.compile(back))
    assert paymennt.status(checkout) == status
    body = told(paymennt, shop, hook, status)
    assert (body["id"], body["referenceId"]) == (checkout["id"], checkout["requestId"])


def test_the_terms_have_to_be_accepted(any_page, paymennt, shop, picture):
    any_page.goto(paymennt.web(shop)["redirectUrl"])
    fill_in(any_page)
    any_page.get_by_test_id("pay").click()
    expect(any_page.get_by_test_id("message")).to_have_text("Accept the terms and conditions to go on.")
    picture(any_page, "paymennt-terms")


@pytest.mark.parametrize("settings", [{"viewport": PHONE}, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_a_link_is_opened_and_paid(browse, paymennt, shop, picture, request, settings):
    body = {"requestId": "L-1", "orderId": "L", "currency": "USD", "amount": 25, "description": "Top up"}
    checkout = paymennt.post("/checkout/link", body)
    page = browse(**settings)
    page.goto(checkout["redirectUrl"])
    expect(page.get_by_role("heading", name="Top up")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    picture(page, f"paymennt-link-{request.node.callspec.id}")
    fill_in(page)
    page.get_by_test_id("terms").check()
    page.get_by_test_id("pay").click()
    expect(page.get_by_test_id("message")).to_have_text("Your payment was received.")
    assert page.url.endswith("/complete/")
    picture(page, f"paymennt-thanks-{request.node.callspec.id}")


def test_frames_give_a_token_that_pays_after_the_bank_has_asked(page, paymennt, shop, picture):
    page.goto(shop.page("/frames", FRAMES.substitute(site=paymennt.site, key="pk_test_" + "0" * 32)))
    frame = page.frame_locator("iframe")
    frame.get_by_test_id("card-number").fill("4242 4242 4242 4242")
    expect(page.locator("#valid")).to_have_text("false 3")
    page.locator("#go").click()
    expect(page.locator("#error")).to_contain_text("expiry date")
    fill_in(frame)
    expect(page.locator("#valid")).to_have_text("true 0")
    picture(page, "paymennt-frames")
    page.locator("#go").click()
    expect(page.locator("#token")).to_have_text(re.compile("^ptk_sandbox_[0-9a-f]{64}$"))
    token = page.locator("#token").inner_text()
    source = {"type": "TOKEN", "token": token}
    payment = paymennt.post("/payment/debit", {"source": source, "checkoutDetails": paymennt.order(shop)})
    assert payment["status"] == "REDIRECT"
    page.goto(payment["redirectUrl"])
    picture(page, "paymennt-3ds")
    page.get_by_test_id("approve").click()
    page.wait_for_url(re.compile(rf"&checkout={payment['checkoutDetails']['id']}$"))
    assert paymennt.get(f"/payment/{payment['id']}")["status"] == "AUTHORIZED"
    taken = paymennt.post(f"/payment/{payment['id']}/capture")
    assert (taken["status"], taken["checkoutDetails"]["status"]) == ("CAPTURED", "PAID")


def test_frames_take_no_live_key(page, paymennt, shop):
    page.goto(shop.page("/live", FRAMES.substitute(site=paymennt.site, key="pk_live_1")))
    expect(page.locator("#error")).to_contain_text("pk_test_")
