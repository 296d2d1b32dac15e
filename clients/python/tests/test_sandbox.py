"""Starting, stopping and finding a sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from shop import customer

from leapday import LeapdayError, Sandbox


def gone(url: str, within: float = 10) -> bool:
    """Whether nobody answers there, soon."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            Sandbox.connect(url)
        except LeapdayError:
            return True
        time.sleep(0.02)
    return False


def test_it_stops_with_the_block() -> None:
    with Sandbox.start("--world", "empty") as sandbox:
        assert sandbox.paygentic().call("GET", "/v0/plans")["data"] == [], "flags are passed on"
        assert Sandbox.connect(f"{sandbox.url}/").health() == sandbox.health()
    with pytest.raises(LeapdayError, match="no answer to GET http://127") as refused:
        Sandbox.connect(sandbox.url)
    assert refused.value.status is None
    sandbox.stop()


def test_it_stops_with_the_process_however_that_ends() -> None:
    code = "from leapday import Sandbox; print(Sandbox.start().url, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        Sandbox.connect(url)
        child.kill()
        assert gone(url)


def test_what_is_wrong_with_a_start_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(LeapdayError, match="the sandbox ended with 2: leapday: unexpected argument '--colour'"):
        Sandbox.start("--colour")
    with pytest.raises(LeapdayError, match=r"'/nowhere/leapday' is no program.*LEAPDAY_BIN.*connect\(url\)"):
        Sandbox.start(binary="/nowhere/leapday")
    monkeypatch.setenv("LEAPDAY_BIN", "/nowhere/else")
    with pytest.raises(LeapdayError, match="'/nowhere/else' is no program"):
        Sandbox.start()
    monkeypatch.delenv("LEAPDAY_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeapdayError, match="there is no `leapday` on PATH"):
        Sandbox.start()
    with pytest.raises(LeapdayError, match="is not the URL of a sandbox, such as http"):
        Sandbox.connect("127.0.0.1:4010")


def test_the_path_is_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "leapday").symlink_to(os.path.abspath(os.environ["LEAPDAY_BIN"]))
    monkeypatch.delenv("LEAPDAY_BIN")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with Sandbox.start() as sandbox:
        assert sandbox.health()["status"] == "ok"


def test_the_admin_token_goes_with_control_calls_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("leapday-admin-token")))
            content = json.dumps({"status": "ok"}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        Sandbox.connect(url, admin_token="one").paygentic("k").call("GET", "/v0/plans")
        monkeypatch.setenv("LEAPDAY_ADMIN_TOKEN", "two")
        Sandbox.connect(url).paylera("k").clock.get()
        server.shutdown()
    assert seen == [
        ("/_leapday/health", "one"),
        ("/paygentic/v0/plans", None),
        ("/_leapday/health", "two"),
        ("/_leapday/clock?provider=paylera", "two"),
    ]


def test_an_expectation_lists_what_did_happen(leapday: Sandbox) -> None:
    world = leapday.paygentic()
    with pytest.raises(AssertionError, match=r"no event 'invoice\.paid\.v0' within 0\.1 s; no events"):
        world.expect_event("invoice.paid.v0", timeout=0.1)
    for number in range(25):
        customer(world, number)
    with pytest.raises(AssertionError, match=r"within 0 s; events:\n *5  .*customer.created.v0  customer cus_") as none:
        world.expect_event("invoice.paid.v0", timeout=0)
    assert str(none.value).count("customer.created.v0") == 20, "the last twenty"
    assert world.expect_event("customer.*", where=lambda one: one["number"] == 24)["number"] == 24


def test_a_wait_ends_with_the_event(leapday: Sandbox) -> None:
    world = leapday.paygentic()
    late = threading.Timer(0.2, customer, [world])
    late.start()
    assert world.expect_event("customer.created.v0")["number"] == 0
    late.join()
