"""A customer's browser, a merchant's shop, and a world of their own for every test.

However a test ends, its pages must have asked nobody but the sandbox and the shop, and the browser must have found
nothing to complain of: no script error, nothing that the content security policy forbids.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from sandbox import World, address_of
from paymennt import PaymenntMerchant
from tenant import Tenant
from shop import Merchant, Shop

PATIENCE_MS = 10_000
DESKTOP = {"width": 1200, "height": 900}
# A name that browsers do not count as this machine, as that of a container: they say less to such hosts.
FAR_NAME = "leapday.test"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {FAR_NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
# What Chromium always remarks upon: a page whose status is 4xx, as ours is after a decline; a frame that its parent
# forbids to run scripts; `autofocus` in a frame of another site, where the page's script sees to it instead; and a page
# that no frame may show.
REMARKS = (
    "Failed to load resource: the server responded with a status of 4",
    "Blocked script execution in",
    "Blocked autofocusing on",
    "Framing 'http://127.0.0.1",
)

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("LEAPDAY_CHROMIUM", "/usr/bin/chromium"),
            args=FLAGS,
            # Customers' browsers keep pages in memory for whoever goes back; Playwright's do not by themselves.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def world():
    with World() as world:
        yield world


@pytest.fixture
def tenant():
    with Tenant() as tenant:
        yield tenant


@pytest.fixture
def paymennt():
    with PaymenntMerchant() as merchant:
        yield merchant


@pytest.fixture
def shop():
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def merchant(world, shop):
    return Merchant(world, shop)


@pytest.fixture
def browse(chromium, shop):
    """Opens a page of a browser with settings of your own."""
    contexts, asked, complaints = [], [], []

    def browse(**settings):
        context = chromium.new_context(**({"viewport": DESKTOP} | settings))
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: asked.append(request.url))
        context.on("console", lambda message: complaints.append(message.text) if wrong(message) else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context.new_page()

    yield browse
    for context in contexts:
        context.close()
    sandbox = urlsplit(address_of("LEAPDAY_PAYGENTIC"))
    known = {sandbox.netloc, f"{FAR_NAME}:{sandbox.port}"}
    known |= {urlsplit(shop.url("/", host)).netloc for host in ("127.0.0.1", "localhost")}
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} <= known
    assert not complaints


def wrong(message):
    return message.type in ("error", "warning") and not message.text.startswith(REMARKS)


@pytest.fixture
def page(browse):
    return browse()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def any_page(browse, request):
    """A page with JavaScript, and one without."""
    return browse(java_script_enabled=request.param)


@pytest.fixture
def picture(request):
    """Takes a picture of a page, where somebody has asked for pictures."""
    folder = os.environ.get("LEAPDAY_SCREENSHOTS")

    def picture(page, name):
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return picture
