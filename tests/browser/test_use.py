"""The pages for everybody: by keyboard, by screen reader, on a phone, in the dark."""

import re

import pytest
from playwright.sync_api import expect

from checkout import fill_in, pay
from shop import PRICE

LABELS = {
    "Card number": "card-number",
    "Expiry date": "card-expiry",
    "Security code": "card-cvc",
    "Name on card": "cardholder",
    "Save this card for future payments": "save-card",
}
PHONES = [(390, 844), (320, 640)]


def type_in(page, *texts):
    """Goes from field to field with the Tab key, and types."""
    for text in texts:
        page.keyboard.press("Tab")
        page.keyboard.type(text)


def test_the_keyboard_is_enough(page, merchant):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    type_in(page, "4000000000000002", "1230", "123", "Ada Lovelace")
    expect(page.get_by_test_id("card-number")).to_have_value("4000 0000 0000 0002")
    expect(page.get_by_test_id("card-expiry")).to_have_value("12 / 30")
    page.keyboard.press("Enter")
    # What went wrong is read first; the fields come next, and what stands in them is replaced.
    expect(page.get_by_role("alert")).to_be_focused()
    type_in(page, "4242424242424242")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("save-card")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("pay")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(waiting.yes)
    assert merchant.cards(waiting.customer) == ["4242"]


def test_the_bank_can_be_answered_by_keyboard(page, merchant):
    waiting = merchant.subscription()
    page.goto(waiting.checkout)
    pay(page, "4000 0025 0000 3155")
    expect(page.get_by_role("heading")).to_have_text("Confirm that it is you")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("approve")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(waiting.yes)


def test_every_field_has_its_label(page, merchant):
    page.goto(merchant.subscription().checkout)
    for label, name in LABELS.items():
        expect(page.get_by_label(label, exact=True)).to_have_attribute("data-testid", name)
    fields = page.locator("input")
    expect(fields).to_have_count(len(LABELS))
    expect(page.get_by_role("button", name=f"Pay {PRICE}")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page).to_have_title(re.compile(r"\w"))


@pytest.mark.parametrize("size", PHONES, ids=lambda size: f"{size[0]}")
def test_on_a_phone_nothing_is_cut_off(browse, merchant, picture, size):
    width, height = size
    page = browse(viewport={"width": width, "height": height}, is_mobile=True, has_touch=True)
    waiting = merchant.subscription(name="A subscription with quite a long name and Donaudampfschifffahrtsgesellschaft")

    def fits(name):
        picture(page, f"phone-{width}-{name}")
        sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert sizes[0] <= sizes[1], name

    page.goto(waiting.checkout)
    fits("checkout")
    page.get_by_test_id("pay").tap()
    expect(page.get_by_role("alert")).to_be_visible()
    fits("wrong-fields")
    fill_in(page, "4000 0025 0000 3155")
    page.get_by_test_id("pay").tap()
    expect(page.get_by_test_id("approve")).to_be_in_viewport()
    fits("bank")
    page.get_by_test_id("approve").tap()
    expect(page).to_have_url(waiting.yes)
    page.goto(waiting.checkout)
    fits("already-paid")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_follow_the_system(browse, merchant, picture, scheme):
    page = browse(color_scheme=scheme)
    page.goto(merchant.subscription().checkout)
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    ground, ink = (sum(int(part) for part in re.findall(r"\d+", colour)[:3]) for colour in colours)
    assert (ground < ink) == (scheme == "dark")
    pay(page, "4000 0000 0000 0002")
    expect(page.get_by_role("alert")).to_be_visible()
    picture(page, f"{scheme}-declined")
    pay(page, "4000 0025 0000 3155")
    expect(page.get_by_test_id("approve")).to_be_visible()
    picture(page, f"{scheme}-bank")
