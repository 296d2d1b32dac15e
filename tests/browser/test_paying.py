"""A customer pays: with a good card, after a bad one, by 3-D Secure, or not at all."""

import re

import pytest
from playwright.sync_api import expect

from checkout import fill_in, pay
from shop import PRICE

# What each card of the panel leads to: paid, the bank's page, or a sentence.
CARDS = {
    "4000 0000 0000 0002": "Your card was declined",
    "4000 0000 0000 9995": "not enough money",
    "4000 0000 0000 0069": "has expired",
    "4000 0000 0000 0127": "security code is not the one",
    "4000 0000 0000 0119": "could not process",
    "4000 0025 0000 3155": "bank",
    "3782 822463 10005": "paid",
}
SECURE = "4000 0025 0000 3155"


def test_paying_starts_the_subscription_and_leads_to_the_shop(page, merchant, picture):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    expect(page.get_by_test_id("amount")).to_have_text(PRICE)
    picture(page, "checkout")
    fill_in(page)
    picture(page, "checkout-filled")
    page.get_by_test_id("pay").click()
    expect(page).to_have_url(waiting.yes)
    merchant.wait_for("invoice.paid.v0")
    assert merchant.status(waiting) == "active"
    assert merchant.cards(waiting.customer) == []


def test_without_script_one_can_pay_as_well(browse, merchant):
    page = browse(java_script_enabled=False)
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    page.get_by_test_id("save-card").check()
    pay(page)
    expect(page).to_have_url(waiting.yes)
    assert merchant.status(waiting) == "active"
    assert merchant.cards(waiting.customer) == ["4242"]


def test_after_a_decline_another_card_pays(any_page, merchant, picture):
    waiting = merchant.subscription()
    any_page.goto(waiting.checkout)
    pay(any_page, "4000 0000 0000 9995")
    expect(any_page.get_by_role("alert")).to_have_text("There is not enough money on this card. Try another one.")
    expect(any_page.get_by_test_id("message")).to_be_visible()
    expect(any_page.get_by_test_id("cardholder")).to_have_value("Ada Lovelace")
    picture(any_page, "declined")
    assert merchant.status(waiting) == "pending_payment"
    pay(any_page)
    expect(any_page).to_have_url(waiting.yes)
    assert merchant.status(waiting) == "active"


def test_what_is_wrong_with_a_field_stands_beside_it(page, merchant, picture):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    page.get_by_test_id("card-number").fill("4242 4242 4242 4241")
    page.get_by_test_id("pay").click()
    expect(page.get_by_role("alert")).to_have_text("Check the marked fields.")
    number = page.get_by_label("Card number")
    expect(number).to_have_accessible_description("This is not a card number: check its digits")
    expect(number).to_be_focused()
    picture(page, "wrong-fields")
    pay(page)
    expect(page).to_have_url(waiting.yes)


def test_each_test_card_fills_the_form_and_ends_as_it_says(any_page, merchant):
    waiting = merchant.subscription()
    any_page.goto(waiting.checkout)
    for number, outcome in CARDS.items():
        any_page.get_by_role("link", name=number).click()
        expect(any_page.get_by_test_id("card-number")).to_have_value(number)
        expect(any_page.get_by_test_id("card-expiry")).to_have_value("12 / 31")
        expect(any_page.get_by_test_id("card-cvc")).to_have_value("1234" if number.startswith("37") else "123")
        expect(any_page.get_by_test_id("cardholder")).to_have_value("Ada Lovelace")
        any_page.get_by_test_id("pay").click()
        if outcome == "bank":
            any_page.get_by_test_id("abandon").click()
            expect(any_page.get_by_role("alert")).to_contain_text("unfinished")
        elif outcome != "paid":
            expect(any_page.get_by_role("alert")).to_contain_text(outcome)
    expect(any_page).to_have_url(waiting.yes)
    assert merchant.status(waiting) == "active"


def test_the_bank_approves(any_page, merchant, picture):
    waiting = merchant.subscription()
    any_page.goto(waiting.checkout)
    pay(any_page, SECURE)
    expect(any_page).to_have_url(f"{waiting.checkout}/challenge")
    expect(any_page.get_by_test_id("amount")).to_have_text(PRICE)
    picture(any_page, "bank")
    any_page.get_by_test_id("approve").click()
    expect(any_page).to_have_url(waiting.yes)
    assert merchant.status(waiting) == "active"


def test_the_bank_refuses_and_another_card_pays(page, merchant, picture):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    pay(page, SECURE)
    page.get_by_test_id("fail").click()
    expect(page.get_by_role("alert")).to_contain_text("could not confirm that it is you")
    picture(page, "bank-refused")
    assert merchant.status(waiting) == "pending_payment"
    pay(page)
    expect(page).to_have_url(waiting.yes)
    assert merchant.status(waiting) == "active"


def test_leaving_the_bank_without_an_answer_changes_nothing(page, merchant, picture):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    pay(page, SECURE)
    page.get_by_test_id("abandon").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was charged")
    expect(page.get_by_test_id("pay")).to_be_visible()
    picture(page, "bank-left")
    assert merchant.status(waiting) == "pending_payment"
    assert merchant.happened("invoice.paid.v0") == 0


def test_cancelling_leads_back_and_the_link_stays_open(any_page, merchant):
    waiting = merchant.subscription()
    any_page.goto(waiting.checkout)
    any_page.get_by_test_id("cancel").click()
    expect(any_page).to_have_url(waiting.no)
    assert merchant.status(waiting) == "pending_payment"
    any_page.goto(waiting.checkout)
    pay(any_page)
    expect(any_page).to_have_url(waiting.yes)


def test_two_clicks_charge_once(any_page, merchant):
    order = merchant.order()
    any_page.goto(order.checkout)
    fill_in(any_page)
    any_page.get_by_test_id("pay").dblclick()
    expect(any_page).to_have_url(order.yes)
    assert merchant.happened("payment.completed.v0") == 1


def test_two_tabs_charge_once(browse, merchant):
    waiting = merchant.subscription()
    tabs = [browse(), browse()]
    for tab in tabs:
        tab.goto(waiting.checkout)
        fill_in(tab)
    for tab in tabs:
        tab.get_by_test_id("pay").click(no_wait_after=True)
    for tab in tabs:
        expect(tab).to_have_url(waiting.yes)
    assert merchant.happened("invoice.paid.v0") == 1
    assert [invoice["paidAmount"] for invoice in merchant.invoices(waiting)] == ["54.14"]


def test_going_back_after_paying_says_that_it_is_paid(page, merchant, picture):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    pay(page)
    expect(page).to_have_url(waiting.yes)
    page.evaluate("history.back()")
    expect(page.get_by_role("heading")).to_have_text("Already paid")
    expect(page.get_by_test_id("pay")).to_have_count(0)
    picture(page, "already-paid")
    page.get_by_role("link", name="Continue").click()
    expect(page).to_have_url(waiting.yes)
    assert merchant.happened("invoice.paid.v0") == 1


def test_a_set_up_page_saves_a_card_and_charges_nothing(any_page, merchant, picture):
    customer = merchant.subscription().customer
    set_up = merchant.set_up(customer)
    any_page.goto(set_up.checkout)
    expect(any_page.get_by_test_id("amount")).to_have_text("No charge today")
    expect(any_page.get_by_test_id("save-card")).to_have_count(0)
    picture(any_page, "set-up")
    pay(any_page, "5555 5555 5555 4444")
    expect(any_page).to_have_url(set_up.yes)
    assert merchant.cards(customer) == ["4444"]
    assert merchant.happened("invoice.paid.v0") == merchant.happened("payment.completed.v0") == 0


def test_the_link_of_an_unpaid_renewal_pays_it(page, merchant, picture):
    waiting = merchant.subscription(redirectUrls={})
    page.goto(waiting.checkout)
    pay(page)
    expect(page.get_by_role("heading")).to_have_text("Paid")
    picture(page, "paid")
    merchant.use(waiting, 12_345, "2028-02-03T00:00:00Z")
    merchant.turn(waiting, "2028-03-02T00:00:00Z")
    renewal = merchant.invoices(waiting)[1]
    page.goto(renewal["paymentUrl"])
    expect(page.get_by_test_id("amount")).to_have_text(f"USD {renewal['unpaidAmount']}")
    picture(page, "renewal")
    pay(page)
    expect(page.get_by_test_id("message")).to_contain_text(renewal["unpaidAmount"])
    assert [invoice["status"] for invoice in merchant.invoices(waiting)] == ["PAID", "PAID"]
    page.goto(renewal["paymentUrl"])
    expect(page.get_by_test_id("message")).to_have_text(re.compile(rf"{renewal['invoiceNumber']} is paid"))


@pytest.mark.parametrize("after", ["expired", "failed"])
def test_a_link_that_is_over_says_why(page, merchant, world, picture, after):
    order = merchant.order()
    if after == "expired":
        world.control.post("/clock/advance", {"by": "P1Y"})
    else:
        world.control.post(f"/payments/{order.checkout.rpartition('/')[2]}/fail", {"code": "card_declined"})
    answer = page.goto(order.checkout)
    assert answer.status == 410
    expect(page.get_by_role("heading")).to_contain_text(after)
    expect(page.get_by_test_id("pay")).to_have_count(0)
    picture(page, after)
