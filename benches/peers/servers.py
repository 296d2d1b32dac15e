"""What is measured: how each server is started, what it is asked, and what it is known to do."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEY = "sk_test_bench"
SERVER_CORE, LOAD_CORE = 0, 1
STARTS_WITHIN = 30.0
PAGE = 10

BODY = {
    "name": "Large Language Model Service",
    "description": "Access to language models for natural language tasks",
    "merchantId": "org_f9g0h1i2j3k4l5m6",
    "metadata": {"category": "ai_services", "tier": "enterprise"},
}
# Three things are wrong: a field is missing, one is of the wrong type, one of the wrong form.
INVALID = {"name": 3, "merchantId": "f9g0h1i2j3k4l5m6", "metadata": {"category": "ai_services", "tier": "enterprise"}}


@dataclass
class Kind:
    """A server that can be started: `command` has `{port}` in it."""

    name: str
    version: str
    command: list[str]
    products: str
    does: str
    checks: bool = True
    keeps: bool = True
    created: int = 201
    refused: int = 400
    page: str = f"limit={PAGE}"
    body: dict = field(default_factory=lambda: BODY)
    invalid: dict = field(default_factory=lambda: INVALID)
    # How it is emptied; None where a create costs no more the more is kept.
    empty: tuple[str, str] | str | None = None
    ours: bool = False


class Server:
    """A process on the first core."""

    def __init__(self, kind, tmp):
        self.kind = kind
        self.folder = Path(tmp) / f"{kind.name.replace(' ', '-')}-{time.monotonic_ns()}"
        self.folder.mkdir()
        # Asked for before it is used, so another program could take it; then the server says so and ends.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if kind.name == "json-server":
            (self.folder / "db.json").write_text('{"products": []}')
        command = [word.format(port=self.port) for word in kind.command]
        # A home of its own: Mockoon writes there. What Leapday reads from the environment goes along.
        environment = os.environ | {"HOME": str(self.folder), "NODE_ENV": "production"}
        self.log = open(self.folder / "stderr", "wb")
        began = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *command],
            cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
        )
        try:
            self.first_answer_ms = self.wait(began)
        except BaseException:
            self.stop()
            raise

    def wait(self, began):
        while time.perf_counter() - began < STARTS_WITHIN:
            if self.process.poll() is not None:
                break
            try:
                status, _, _ = self.ask("GET", self.kind.products)
            except OSError:
                time.sleep(0.0005)
                continue
            assert status == 200, f"{self.kind.name} answers its first request with {status}"
            return (time.perf_counter() - began) * 1e3
        last = (self.folder / "stderr").read_text(errors="replace")[-2000:]
        sys.exit(f"{self.kind.name} does not answer; its last words:\n{last}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def ask(self, method, path, body=None, key=KEY):
        """Status, headers and body of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            return exchange(connection, method, path, body, key)
        finally:
            connection.close()

    def processes(self):
        """The process and what it started."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found.extend(int(child) for child in task.read_text().split())
        return found

    def pss_mb(self):
        total = 0
        for pid in self.processes():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def cpu_seconds(self):
        ticks = 0
        for pid in self.processes():
            ticks += sum(int(word) for word in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def empty(self):
        """Back to nothing kept; whoever can only be started anew has to be warmed up again by the caller."""
        if isinstance(self.kind.empty, tuple):
            status, _, _ = self.ask(*self.kind.empty)
            assert status == 200, f"{self.kind.name} is emptied with {status}"


def exchange(connection, method, path, body, key):
    headers = {"authorization": f"Bearer {key}"}
    if body is not None:
        headers["content-type"] = "application/json"
        body = json.dumps(body)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return answer.status, answer.headers, value


def items_of(answer):
    """The items of a list, with or without an envelope."""
    return answer["data"] if isinstance(answer, dict) else answer


def check(server):
    """Asks each request once and holds what comes against what is known of the server. Answers the id to read."""
    kind = server.kind

    def demand(true, what, seen):
        if not true:
            sys.exit(f"{kind.name}: {what}; it answers {seen}")

    for _ in range(PAGE):
        status, _, made = server.ask("POST", kind.products, kind.body)
        demand(status == kind.created and "id" in made, f"a create gets {kind.created} and an id", (status, made))
    status, _, read = server.ask("GET", f"{kind.products}/{made['id']}")
    demand(status == 200, "what was created can be read", status)
    kept = read["name"] == kind.body["name"] and read["id"] == made["id"]
    demand(kept == kind.keeps, f"keeps what was created: {kind.keeps}", read)
    status, _, listed = server.ask("GET", f"{kind.products}?{kind.page}")
    items = items_of(listed)
    demand(status == 200 and len(items) == (PAGE if kind.keeps else 1), "a list has a page of items", (status, items))
    status, headers, refusal = server.ask("POST", kind.products, kind.invalid)
    wanted = kind.refused if kind.checks else kind.created
    demand(status == wanted, f"an invalid body is answered by {wanted}", (status, refusal))
    if kind.ours or kind.name == "Prism":
        # Both are asked for the same work: to find and name all that is wrong.
        told = json.dumps(refusal) + str(headers)
        named = all(name in told for name in ("name", "merchantId", "description"))
        demand(named, "a refusal names all three fields", told)
    return made["id"]


def version(command, word=-1):
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    return (output.stdout + output.stderr).split()[word]


def kinds(leapday, bare, cache, openapi):
    """All that are measured, in the order of the table."""
    modules = cache / "node_modules"
    pinned = json.loads((HERE / "package.json").read_text())["dependencies"]
    locked = (ROOT / "Cargo.lock").read_text()
    hyper = locked.split('name = "hyper"\nversion = "')[1].split('"')[0]
    localstripe = (HERE / "requirements.txt").read_text().strip().split("==")[1]
    without_merchant = {name: value for name, value in BODY.items() if name != "merchantId"}
    return [
        Kind(
            "Leapday", version([leapday, "--version"]), [leapday, "--port", "{port}", "--quiet"],
            "/paygentic/v0/products", "the whole contract; events, clock and journal", ours=True,
        ),
        Kind(
            "bare server", f"hyper {hyper}", [bare, "bare-server", "{port}"], "/products",
            "the same schema of this body; bytes in a map, nothing else", ours=True,
        ),
        Kind(
            "Prism", pinned["@stoplight/prism-cli"],
            ["node", f"{modules}/@stoplight/prism-cli/dist/index.js", "mock", "-h", "127.0.0.1", "-p", "{port}",
             "-v", "fatal", "--multiprocess=false", str(openapi)],
            "/v0/products", "the same contract, as OpenAPI; answers are made up, and checked too",
            keeps=False, refused=422,
        ),
        Kind(
            "Mockoon", pinned["@mockoon/cli"],
            ["node", f"{modules}/@mockoon/cli/bin/run.js", "start", "-d", str(HERE / "mockoon.json"),
             "-p", "{port}", "-l", "127.0.0.1", "-X", "--admin-api-token", KEY],
            "/products", "a data bucket behind a CRUD route", checks=False,
            empty=("POST", "/mockoon-admin/state/purge"),
        ),
        Kind(
            "json-server", pinned["json-server"],
            ["node", f"{modules}/json-server/lib/cli/bin.js", "-q", "-H", "127.0.0.1", "-p", "{port}", "db.json"],
            "/products", "a file, written whole at each create", checks=False, page=f"_limit={PAGE}", empty="restart",
        ),
        Kind(
            "localstripe", localstripe,
            [f"{cache}/venv/bin/localstripe", "--from-scratch", "--port", "{port}"],
            "/v1/products", "Stripe's own product; names no field that is wrong; a file, written whole at each create",
            created=200, body=without_merchant, invalid={"name": 3, "metadata": INVALID["metadata"]},
            empty=("DELETE", "/_config/data"),
        ),
    ]
