"""The dashboard: look ahead, advance, step, send again, keep and go back, while it follows what the app does."""

import http.server
import os
import threading
import time
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from sandbox import address_of

START = "2028-01-31T00:00:00Z"


class Receiver:
    """Somebody who receives webhooks, and answers as a test says."""

    def __init__(self):
        receiver = self
        self.status, self.count = 200, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                receiver.count += 1
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


@pytest.fixture
def subscribed(world):
    """A world of the starter's catalogue, whose clock stands, with a subscription that charges a card."""
    world.control.post("/world/reset", {"world": "starter"})
    world.control.post("/clock", {"now": START})
    address = {"line1": "1 Main St", "city": "X", "state": "CA", "country": "US", "zipCode": "94105"}
    consumer = {"name": "Ada Lovelace", "email": "ada@example.com", "address": address}
    made = world.raw.post("/v0/customers", json={"merchantId": "org_leapday", "consumer": consumer}).json()
    world.customer = made["customerId"]
    world.control.post(f"/customers/{world.customer}/payment-methods", {"card": {"number": "4242424242424242"}})
    wanted = {
        "name": "Ada - Starter", "planId": "plan_starterMonthly", "customerId": world.customer,
        "startedAt": START, "autoCharge": True,
    }
    answer = world.raw.post("/v0/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    world.subscription = answer.json()["id"]
    return world


def home(world):
    return f"{address_of('LEAPDAY_CONTROL')}/ui/paygentic/{quote(world.key)}"


def events(world):
    return world.control.get("/events?limit=1")["total"]


def test_worlds_are_listed(page, subscribed, picture):
    page.goto(f"{address_of('LEAPDAY_CONTROL')}/")
    picture(page, "dashboard-worlds")
    page.get_by_role("link", name=subscribed.key).click()
    expect(page.locator("#key")).to_have_text(subscribed.key)
    expect(page.locator("#now")).to_have_text(START)


def test_look_ahead_then_go(page, subscribed, picture):
    page.goto(home(subscribed))
    before = events(subscribed)
    expect(page.locator("#due li")).not_to_have_count(0)
    page.locator("#to").fill("P2M")
    page.locator("#preview").click()
    told = page.locator("#told")
    expect(told).to_contain_text("Preview")
    foreseen = told.locator("li").all_text_contents()
    assert len(foreseen) > 3
    expect(page.locator("#now")).to_have_text(START)
    assert events(subscribed) == before
    picture(page, "dashboard-preview")
    page.locator("#to").fill("P2M")
    page.locator("#advance").click()
    expect(told).to_contain_text("Advanced")
    assert told.locator("li").all_text_contents() == foreseen
    expect(page.locator("#now")).to_have_text("2028-03-31T00:00:00Z")
    assert events(subscribed) == before + len(foreseen)
    expect(page.locator("#timeline > li.event")).to_have_count(len(foreseen))
    page.locator("#to").fill("soon")
    page.locator("#advance").click()
    expect(told.get_by_role("alert")).to_contain_text("P1M")
    expect(page.locator("#now")).to_have_text("2028-03-31T00:00:00Z")


def test_a_test_clock_is_turned(page, subscribed, picture):
    """Where nothing is due on the world's own clock, the newest test clock is the one that is looked at."""
    subscribed.control.post("/world/reset", {"world": "starter"})
    subscribed.control.post("/clock", {"now": START})
    clock = subscribed.raw.post("/v0/testClocks", json={"currentTime": START}).json()["id"]
    address = {"line1": "1 Main St", "city": "X", "state": "CA", "country": "US", "zipCode": "94105"}
    wanted = {
        "name": "Ada", "planId": "plan_starterMonthly", "startedAt": START, "testClockId": clock,
        "customer": {"name": "Ada", "email": "ada@example.com", "address": address},
    }
    made = subscribed.raw.post("/v0/subscriptions", json=wanted).json()
    subscribed.control.post(f"/payments/{made['payment']['paymentSessionId']}/complete", {})
    page.goto(home(subscribed))
    expect(page.locator("#clocks [aria-current]")).to_have_text(clock)
    page.locator("#to").fill("P1M")
    page.locator("#advance").click()
    expect(page.locator("#now")).to_have_text("2028-02-29T00:00:00Z")
    page.locator("#step").click()
    expect(page.locator("#now")).to_have_text("2028-03-01T00:00:00Z")
    picture(page, "dashboard-clocks")
    page.locator("#clocks a", has_text="world").click()
    expect(page.locator("#now")).to_have_text(START)
    expect(page.locator("#due .empty")).to_be_visible()
    page.locator("#clocks a", has_text=clock).click()
    expect(page.locator("#now")).to_have_text("2028-03-01T00:00:00Z")


def test_one_thing_after_another(page, subscribed):
    page.goto(home(subscribed))
    first = page.locator("#due li time").first
    at = first.text_content()
    page.locator("#step").click()
    expect(page.locator("#told")).to_contain_text("Stepped")
    expect(page.locator("#now")).to_have_text(at)


def test_keep_and_go_back(page, subscribed, picture):
    page.goto(home(subscribed))
    page.locator("#name").fill("before-2029")
    page.locator("#snapshot").click()
    kept = page.locator("#snapshots li")
    expect(kept).to_have_count(1)
    before = subscribed.control.get("/world")["digest"]
    page.locator("#to").fill("P1Y")
    page.locator("#advance").click()
    expect(page.locator("#now")).to_have_text("2029-01-31T00:00:00Z")
    picture(page, "dashboard-year")
    kept.get_by_role("button", name="Go back").click()
    expect(page.locator("#now")).to_have_text(START)
    assert subscribed.control.get("/world")["digest"] == before
    kept.get_by_role("button", name="Forget").click()
    expect(kept).to_have_count(0)


def test_a_webhook_is_sent_again(page, subscribed, receiver, picture):
    receiver.status = 500
    subscribed.control.post("/webhook-endpoints", {"url": receiver.url})
    page.goto(home(subscribed))
    subscribed.raw.patch(f"/v0/customers/{subscribed.customer}", json={"externalId": "crm-1"})
    subscribed.raw.post(f"/v0/subscriptions/{subscribed.subscription}/termination", json={"reason": "Moved away"})
    row = page.locator("#deliveries li").first
    expect(row.locator(".tag")).to_have_text("pending")
    expect(page.locator("#timeline .delivery").first).to_contain_text("pending")
    receiver.status = 200
    row.get_by_role("button", name="Resend").click()
    expect(row.locator(".tag")).to_have_text("succeeded")
    assert receiver.count >= 2
    row.get_by_role("link").click()
    expect(row.locator(".more")).to_contain_text("500")
    picture(page, "dashboard-webhooks")


def test_it_follows_what_the_app_does(page, subscribed, picture):
    page.goto(home(subscribed))
    expect(page.locator("#live")).to_have_class("live on")
    refused = subscribed.raw.post("/v0/subscriptions", json={"name": 5})
    assert refused.status_code == 400
    line = page.locator("#timeline li.request").first
    expect(line).to_contain_text("400")
    expect(line.locator(".violation").first).to_be_visible()
    line.get_by_role("link").click()
    expect(line.locator(".more")).to_contain_text("planId")
    subscribed.raw.get("/v0/plans")
    read = page.locator("#timeline li.read").first
    expect(read).to_be_hidden()
    page.locator("#reads").check()
    expect(page.locator("#timeline li.read").first).to_be_visible()
    # What somebody has opened stays open when the page renews itself.
    expect(page.locator("#timeline .more").first).to_contain_text("planId")
    page.locator("#resources a", has_text="customers").click()
    expect(page.locator("#resources .more")).to_contain_text("ada@example.com")
    picture(page, "dashboard-app")


def test_in_the_dark(browse, subscribed, picture):
    page = browse(color_scheme="dark")
    page.goto(home(subscribed))
    page.locator("#preview").click()
    expect(page.locator("#told")).to_contain_text("Preview")
    picture(page, "dashboard-dark")


def test_on_a_phone(browse, subscribed, picture):
    page = browse(viewport={"width": 390, "height": 844})
    page.goto(home(subscribed))
    expect(page.locator("#timeline li").first).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    picture(page, "dashboard-phone")


def test_without_scripts(browse, subscribed):
    page = browse(java_script_enabled=False)
    page.goto(home(subscribed))
    page.locator("#to").fill("2028-03-15")
    page.locator("#advance").click()
    expect(page.locator("#now")).to_have_text("2028-03-15T00:00:00Z")
    expect(page.locator("#told")).to_contain_text("Advanced")
    page.locator("#name").fill("March")
    page.locator("#snapshot").click()
    expect(page.locator("#snapshots li")).to_have_count(1)
    page.locator("#timeline a").first.click()
    expect(page.locator("#details pre").first).to_be_visible()
    page.get_by_role("link", name="Back").click()
    page.locator("#to").fill("yesterday")
    page.locator("#advance").click()
    expect(page.locator("#message")).to_contain_text("neither a duration")


def test_what_is_not_there(page, subscribed):
    answer = page.goto(f"{address_of('LEAPDAY_CONTROL')}/ui/paygentic/sk_test_nobody")
    assert answer.status == 404
    expect(page.locator("#message")).to_contain_text("sk_test_nobody")


def first_paint(page):
    """When the browser painted first, in ms. It is asked from outside: the page's policy lets nobody evaluate in it."""
    for _ in range(200):
        paints = page.evaluate("performance.getEntriesByName('first-contentful-paint').map((paint) => paint.startTime)")
        if paints:
            return paints[0]
        page.wait_for_timeout(10)
    raise AssertionError("nothing was painted in two seconds")


def test_ten_thousand_events(page, subscribed):
    """First paint within 200 ms, measured by the browser itself: the best of five, since others may be at work."""
    address = {"line1": "1 Main St", "city": "X", "state": "CA", "country": "US", "zipCode": "94105"}
    for number in range(70):
        consumer = {"name": f"Customer {number}", "email": f"customer{number}@example.com", "address": address}
        made = subscribed.raw.post("/v0/customers", json={"merchantId": "org_leapday", "consumer": consumer}).json()
        customer = made["customerId"]
        subscribed.control.post(f"/customers/{customer}/payment-methods", {"card": {"number": "4242424242424242"}})
        wanted = {
            "name": "Many", "planId": "plan_starterMonthly", "customerId": customer, "startedAt": START,
            "autoCharge": True,
        }
        assert subscribed.raw.post("/v0/subscriptions", json=wanted).status_code == 201
    subscribed.control.post("/clock/advance?limit=1", {"by": "P4Y"})
    total = events(subscribed)
    assert total >= 10_000
    page.goto(home(subscribed))
    paints = []
    for _ in range(5):
        page.reload()
        expect(page.locator("#live")).to_have_class("live on")
        paints.append(first_paint(page))
        assert page.locator("#timeline > li").count() >= 100
    print(f"first paint with {total} events: {min(paints):.0f} ms (best of {[round(p) for p in paints]})")
    # The goal is 200 ms, of a release build; one without optimizations may take three times as long.
    assert min(paints) < (600 if "debug" in os.environ.get("LEAPDAY_BIN", "") else 200)
    page.locator("#older").click()
    expect(page.locator("[data-part=count]")).to_contain_text("an older part")
