"""What docs/checkout.md shows of Playwright and of frames, read from the page and run."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import FLAGS
from playwright.sync_api import expect
from sandbox import address_of
from snippets import ROOT, blocks

PLAYWRIGHT = "@playwright/test@1.65.1"
INSTALL_S, RUN_S = 300, 60
WRITTEN = "127.0.0.1:4010"


def shown(language, containing):
    """The block of the page, with the address that the sandbox has here."""
    found = [block.text for block in blocks(ROOT / "docs" / "checkout.md") if block.language == language]
    [text] = [text for text in found if containing in text]
    assert WRITTEN in text
    return text.replace(WRITTEN, urlsplit(address_of("LEAPDAY_CONTROL")).netloc)


@pytest.fixture(scope="module")
def playwright_test():
    """Playwright's test runner for node; its own downloads of browsers are not used."""
    node = shutil.which("npm")
    assert node, "npm is wanted here"
    folder = Path(tempfile.gettempdir()) / "leapday-browser-node"
    if not (folder / "node_modules" / "@playwright" / "test").exists():
        command = [node, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PLAYWRIGHT]
        subprocess.run(command, check=True, timeout=INSTALL_S)
    return folder


def test_the_playwright_example(playwright_test, tmp_path):
    (tmp_path / "order.spec.ts").write_text(shown("ts", "@playwright/test"), encoding="utf-8")
    browser = {"executablePath": os.environ.get("LEAPDAY_CHROMIUM", "/usr/bin/chromium"), "args": FLAGS}
    config = {"use": {"launchOptions": browser}, "reporter": "line", "testDir": ".", "workers": 1}
    (tmp_path / "playwright.config.ts").write_text(f"export default {json.dumps(config)};\n", encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(playwright_test / "node_modules")
    command = [str(playwright_test / "node_modules" / ".bin" / "playwright"), "test"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=RUN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_frame_example(page, merchant, shop):
    script = shown("js", "addEventListener")
    checkout = merchant.subscription().checkout
    frame = f'<iframe title="Checkout" width="100%" height="900" src="{checkout}"></iframe>'
    html = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><script>{script}</script>{frame}</html>'
    page.goto(shop.page("/shop", html))
    fields = page.frame_locator("iframe")
    fields.get_by_role("link", name="4242 4242 4242 4242").click()
    fields.get_by_test_id("pay").click()
    expect(page).to_have_url(shop.url("/thanks", host="localhost"))
