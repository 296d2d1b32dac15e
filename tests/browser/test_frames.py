"""The checkout inside the merchant's own page, which is of another site."""

import pytest
from playwright.sync_api import expect

from checkout import pay
from conftest import FAR_NAME

ALLOWED_WITHOUT_SCRIPT = "allow-forms"


@pytest.fixture
def embedded(page, merchant, shop):
    """A subscription whose checkout stands in the shop's page; the shop must stay where it is."""

    def embedded(host=None, **more):
        waiting = merchant.subscription()
        address = waiting.checkout if host is None else waiting.checkout.replace("127.0.0.1", host)
        order = shop.embed(address, **more)
        page.goto(order)
        waiting.frame = page.frame_locator("iframe")
        waiting.heard = page.get_by_role("listitem")
        opened.append(order)
        return waiting

    opened = []
    yield embedded
    assert page.url == opened[0]
    assert [path for path in shop.asked if path != "/favicon.ico"] == ["/order"]


@pytest.mark.parametrize("host", [None, FAR_NAME], ids=["near", "far"])
def test_a_frame_tells_its_parent_and_neither_goes_anywhere(page, embedded, merchant, picture, host):
    waiting = embedded(host)
    pay(waiting.frame, "4000 0000 0000 0002")
    expect(waiting.frame.get_by_role("alert")).to_contain_text("declined")
    expect(waiting.frame.get_by_role("alert")).to_be_focused()
    expect(waiting.heard).to_have_text(["payment_error"])
    picture(page, "framed-declined")
    pay(waiting.frame)
    expect(waiting.frame.get_by_test_id("message")).to_contain_text("has received")
    expect(waiting.heard).to_have_text(["payment_error", "payment_success"])
    expect(waiting.frame.get_by_role("link")).to_have_count(0)
    picture(page, "framed-paid")
    assert merchant.status(waiting) == "active"


def test_in_a_frame_the_bank_asks_as_well(embedded, merchant):
    waiting = embedded()
    pay(waiting.frame, "4000 0025 0000 3155")
    waiting.frame.get_by_test_id("fail").click()
    expect(waiting.heard).to_have_text(["payment_error"])
    pay(waiting.frame, "4000 0025 0000 3155")
    waiting.frame.get_by_test_id("approve").click()
    expect(waiting.heard).to_have_text(["payment_error", "payment_success"])
    assert merchant.status(waiting) == "active"


def test_cancelling_in_a_frame_is_an_error_to_the_parent(page, embedded, merchant, picture):
    waiting = embedded()
    waiting.frame.get_by_test_id("cancel").click()
    expect(waiting.heard).to_have_text(["payment_error"])
    picture(page, "framed-cancelled")
    waiting.frame.get_by_role("link", name="Try again").click()
    pay(waiting.frame)
    expect(waiting.heard).to_have_text(["payment_error", "payment_success"])


def test_a_frame_that_may_run_no_script_can_still_pay(embedded, merchant):
    waiting = embedded(allowed=ALLOWED_WITHOUT_SCRIPT)
    pay(waiting.frame)
    expect(waiting.frame.get_by_test_id("message")).to_contain_text("has received")
    expect(waiting.frame.get_by_role("link")).to_have_count(0)
    expect(waiting.heard).to_have_count(0)
    assert merchant.status(waiting) == "active"


def test_outside_a_frame_a_host_of_any_name_leads_to_the_shop(page, merchant):
    # The browser does not tell such a host that the page is framed by nobody: the page finds out by itself.
    waiting = merchant.subscription()
    page.goto(waiting.checkout.replace("127.0.0.1", FAR_NAME))
    pay(page)
    expect(page).to_have_url(waiting.yes)
