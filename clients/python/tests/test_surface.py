"""Every method once; and together they reach all that the control API can do, with the types that it documents."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any, Callable, get_args

import pytest
import shapes
from shop import DECLINES, START, order, sign_up, subscribe

from leapday import LeapdayError, Sandbox
from leapday._http import Control, Http
from leapday.types import Card, Deliver

# Of these every method does without: a World names itself by its headers.
BY_HEADERS = {"provider", "world"}


def clock(sandbox: Sandbox) -> None:
    world = sandbox.paygentic()
    assert world.clock.get()["mode"] == "flowing"
    assert world.clock.set(START, deliver="burst") == {"provider": "paygentic", "now": START, "mode": "frozen"}
    assert world.clock.now() == START
    test, subscription = subscribe(world)
    world.pay(subscription["payment"]["paymentSessionId"])
    coming = world.clock.upcoming("P1M", clock=test, limit=3)
    assert [one["what"] for one in coming["upcoming"]][:1] == ["renewal_reminder"]
    seen = world.clock.preview("P2M", clock=test, offset=1, limit=2)
    assert (seen["dryRun"], len(seen["events"])) == (True, 2)
    assert world.clock.get(clock=test)["now"] == START, "a preview changes nothing"
    assert world.clock.step(clock=test, dry_run=True)["dryRun"]
    step = world.clock.step(clock=test, deliver="burst", offset=0, limit=10)
    assert step["due"]["at"] == step["now"]
    whole = world.clock.preview(to="2028-03-01T00:00:00Z", clock=test)
    there = datetime(2028, 3, 1, tzinfo=timezone.utc)
    went = world.clock.advance(to=there, clock=test, deliver="settle", offset=0, limit=1000)
    assert went == {**whole, "dryRun": False}, "the preview is the advance"
    assert went["now"] == "2028-03-01T00:00:00Z"
    assert world.clock.advance("P1D")["from"] == START
    assert world.clock.flow()["mode"] == "flowing"
    with pytest.raises(ValueError, match="no time zone"):
        world.clock.set(datetime(2028, 3, 1))


def events(sandbox: Sandbox) -> None:
    world = sandbox.paygentic()
    assert world.events.wait("invoice.*", timeout=0)["events"] == []
    subscribe(world)
    listed = world.events.list("customer.*", offset=0, limit=5)
    assert [one["type"] for one in listed["events"]] == ["customer.created.v0"]
    waited = world.events.wait("subscription.*", timeout=5, offset=1, limit=1)
    assert [one["number"] for one in waited["events"]] == [1]
    invoice = world.expect_event("invoice.issued.v0")
    assert (invoice["at"], invoice["about"]["amount"], invoice["about"]["currency"]) == (START, "54.14", "USD")
    assert world.expect_event("invoice.*", offset=1, where=lambda one: one["about"]["amount"] == "54.14") == invoice
    with pytest.raises(LeapdayError, match="no event type") as refused:
        world.events.list("invoice.payed.v0")
    assert refused.value.status == 400
    assert refused.value.violations[0]["pointer"] == "/type"


def faults(sandbox: Sandbox) -> None:
    world = sandbox.paygentic()
    fault = world.faults.add("status:503", operation="listPlans", path="/v0/*", probability=1, times=1, ttl="1h")
    assert (fault["match"]["operation"], fault["times"]) == ("listPlans", 1)
    with pytest.raises(LeapdayError) as refused:
        world.call("GET", "/v0/plans")
    assert refused.value.status == 503
    assert world.call("GET", "/v0/plans")["data"]
    flaky = world.faults.profile("flaky", operation="create*", path="/v0/*", probability=0.5, times=9, ttl="5m")
    assert len(flaky) > 1
    world.faults.delete(flaky[0]["id"])
    assert world.faults.list() == flaky[1:]
    world.faults.clear()
    assert world.faults.list() == []
    world.faults.add("lose_answer", operation="createTestClock")
    with pytest.raises(LeapdayError, match="no answer to POST") as lost:
        world.call("POST", "/v0/testClocks", {"currentTime": START})
    assert lost.value.status is None
    assert len(world.call("GET", "/v0/testClocks")["data"]) == 1, "done, though nobody said so"


def journal(sandbox: Sandbox) -> None:
    world = sandbox.paygentic()
    with pytest.raises(LeapdayError, match="/name required") as refused:
        world.call("POST", "/v0/products", {})
    assert refused.value.status == 400
    receiver = world.receiver(events=["customer.*"])
    subscribe(world)
    receiver.expect_webhook()
    wrong = world.journal(violated=True, limit=5, offset=0)["requests"]
    assert "/name" in [one["pointer"] for one in wrong[0]["violations"]]
    listed = world.journal(
        operation="create*", method="POST", path="/v0/subscriptions", status=201, contains="Ada", timeout=5
    )["requests"]
    assert [one["operation"] for one in listed] == ["createSubscription"]
    assert [one["type"] for one in listed[0]["deliveries"]] == ["customer.created.v0"]
    verified = world.verify(
        "createSubscription", method="POST", path="/v0/*", status=201, body_contains=["Ada"], at_least=1, at_most=1
    )
    assert (verified["verified"], verified["count"]) == (True, 1)
    assert world.verify("createProduct", status=201, count=0, timeout=0)["expected"] == "0"
    with pytest.raises(AssertionError, match=r"expected 2 such .*\n.*near misses") as missed:
        world.verify("createSubscription", status=400, count=2)
    assert "status is 201" in str(missed.value)


def messages(sandbox: Sandbox) -> None:
    world = sandbox.paymennt()
    world.clock.set("2028-01-31T00:00:00Z")
    customer = {"firstName": "Ada", "lastName": "L", "email": "ada@example.com"}
    terms = {"description": "Cookies", "currency": "AED", "amount": 100, "customer": customer}
    world.call("POST", "/subscription", {**terms, "startDate": "2028-01-31", "sendOnHour": 10, "sendEvery": "MONTH"})
    world.clock.advance("P1M")
    message = world.expect_message("ada@example.com")
    assert (message["at"], message["channel"]) == ("2028-01-31T10:00:00Z", "email")
    assert str(message["link"]).startswith(sandbox.url)
    assert len(world.messages("ada@example.com", limit=1, offset=0, timeout=1)["messages"]) == 1
    with pytest.raises(AssertionError, match=r"no message to bob@example.com within 0 s; messages"):
        world.expect_message("bob@example.com", timeout=0)


def payments(sandbox: Sandbox) -> None:
    world = sandbox.paygentic()
    _, first = subscribe(world)
    other = sandbox.paygentic()
    _, second = subscribe(other)
    assert not other.fail_payment(second["payment"]["paymentSessionId"], code="expired_card")["paid"]
    declined = world.pay(first["payment"]["paymentSessionId"], card=DECLINES, save_payment_method=True)
    assert (declined["paid"], declined["declineCode"]) == (False, "card_declined")
    card: Card = {"number": "4242 4242 4242 4242", "expMonth": 12, "expYear": 2035}
    assert world.pay(first["payment"]["paymentSessionId"], card=card, save_payment_method=True)["paid"]
    customer = first["customerId"]
    assert world.save_card(customer, card="5555 5555 5555 4444")["id"]
    script = {"of": customer, "outcomes": ["decline:insufficient_funds", "succeed"]}
    assert world.script(customer, ["decline:insufficient_funds", "succeed"]) == script
    assert world.scripts() == [script]
    world.clear_script(customer)
    assert world.scripts() == []


def webhooks(sandbox: Sandbox) -> None:
    world = sandbox.paylera()
    with world.receiver() as receiver:
        endpoint = world.webhook_endpoints.create(receiver.url, events=["portal.*"], secret="whsec_mine")
        endpoint = world.webhook_endpoints.update(
            endpoint["id"], url=f"{receiver.url}/b", events=[], secret="whsec_other", enabled=False
        )
        assert world.webhook_endpoints.get(endpoint["id"]) == endpoint
        assert [one["url"] for one in world.webhook_endpoints.list()] == [receiver.url, endpoint["url"]]
        world.webhook_endpoints.delete(endpoint["id"])
        mine = receiver.endpoint["id"]
        rule = world.webhook_rules.create("delay", event="customer.*", endpoint=mine, by="PT10M", times=1)
        twice = world.webhook_rules.create("duplicate", event="invoice.*")
        assert world.webhook_rules.list() == [rule, twice]
        world.webhook_rules.delete(twice["id"])
        sign_up(world)
        receiver.expect_webhook("invoice.paid")
        assert world.deliveries.list(status="pending")["deliveries"][0]["rule"] == "delay"
        world.clock.advance("PT1S")  # which waits until what was sent is answered
        sent = world.deliveries.list(event="invoice.paid", endpoint=mine, status="succeeded", offset=0, limit=1)
        again = world.deliveries.redeliver(sent["deliveries"][0]["id"])
        assert [one["byHand"] for one in again["attempts"]] == [False, True]
        assert world.deliveries.get(again["id"]) == again
        receiver.expect_webhook("invoice.paid")


def worlds(sandbox: Sandbox) -> None:
    world = sandbox.paymennt("a/b", "s")
    world.clock.set(START)
    order(world)
    kept = world.snapshot("kept")
    assert kept in world.snapshots()
    before = world.state()
    assert before["key"] == "a/b:s"
    order(world.fork("b", replace=True), "2")
    assert world.state() == before, "what is done in a fork is done there"
    other = world.fork("b", replace=True)
    assert other.state()["digest"] == before["digest"], "a fork is the same world"
    written = world.export_world()
    assert world.reset("empty", now="2040-01-31T00:00:00Z") == "empty"
    assert world.state()["now"] == "2040-01-31T00:00:00Z"
    assert world.state()["eventCount"] == 0
    assert world.restore("kept")["name"] == "kept"
    assert world.state()["digest"] == before["digest"]
    world.delete_snapshot("kept")
    assert world.snapshots() == []
    world.reset()
    assert world.import_world(written)["digest"] == before["digest"]
    assert "paymennt a/b:s" in [f"{one['provider']} {one['key']}" for one in sandbox.worlds("paymennt")]
    sandbox.delete_world("paymennt", "a/b:s")
    assert "a/b:s" not in [one["key"] for one in sandbox.worlds()]
    leap = datetime(2020, 2, 29, tzinfo=timezone.utc)
    made = sandbox.create_world("paygentic", sandbox.fresh_key("paygentic"), world="empty", now=leap)
    assert made.clock.now() == "2020-02-29T00:00:00Z"
    assert made.call("GET", "/v0/plans")["data"] == []


def service(sandbox: Sandbox) -> None:
    assert sandbox.health()["status"] == "ok"
    assert set(sandbox.operations()) == {"paygentic", "paylera", "paymennt"}
    assert "/clock" in sandbox.openapi()["paths"]
    assert "/v0/plans" in sandbox.openapi("paygentic")["paths"]


PARTS = [clock, events, faults, journal, messages, payments, webhooks, worlds, service]


@pytest.mark.parametrize("part", PARTS)
def test_methods(part: Callable[[Sandbox], None], leapday: Sandbox) -> None:
    part(leapday)


class Used:
    """What the methods have asked of the control API."""

    def __init__(self, document: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.types: dict[str, Any] = {}
        self.parameters: defaultdict[str, set[str]] = defaultdict(set)
        self.fields: defaultdict[str, set[str]] = defaultdict(set)
        self.wrong: list[str] = []
        self._rows: list[tuple[str, re.Pattern[str], str]] = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), row["operationId"])
            for path, rows in document["paths"].items()
            for method, row in rows.items()
        ]
        send, ask = Http.send, Control.ask

        def sent(http: Http, method: str, path: str, query: Any = None, body: Any = None, headers: Any = None) -> Any:
            if http.url.endswith("/_leapday"):
                operation = self.operation(method, path)
                self.types.setdefault(operation, None)
                self.parameters[operation] |= {name for name, value in (query or {}).items() if value is not None}
                self.fields[operation] |= set(body or {})
            return send(http, method, path, query, body, headers)

        def asked(control: Control, of: Any, method: str, path: str, *rest: Any) -> Any:
            answer = ask(control, of, method, path, *rest)
            operation = self.operation(method, path)
            self.types[operation] = of
            self.wrong += [f"{operation}{one}" for one in shapes.wrong(answer, of)]
            return answer

        monkeypatch.setattr(Http, "send", sent)
        monkeypatch.setattr(Control, "ask", asked)

    def operation(self, method: str, path: str) -> str:
        return next(row[2] for row in self._rows if row[0] == method and row[1].fullmatch(path))


def test_they_reach_all_of_the_control_api(leapday: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    document = leapday.openapi()
    used = Used(document, monkeypatch)
    for part in PARTS:
        part(leapday)
    assert used.wrong == []
    found: list[str] = []
    for rows in document["paths"].values():
        for row in rows.values():
            name = row["operationId"]
            if name not in used.types:
                found.append(f"{name}: no method")
                continue
            parameters = {one["name"] for one in row.get("parameters", []) if one["in"] == "query"} - BY_HEADERS
            found += [f"{name}: no way to say ?{one}=" for one in parameters - used.parameters[name]]
            if "requestBody" in row:
                body = shapes.of_schema(row["requestBody"]["content"]["application/json"]["schema"], document)
                said = used.fields[name] | used.parameters[name]  # some can be said in either place
                found += [f"{name}: no way to say {one}" for one in body["fields"].keys() - said]
            done = next(answer for status, answer in row["responses"].items() if status < "300")
            if "content" not in done:
                found += [f"{name}: answers nothing"] if used.types[name] is not None else []
                continue
            documented = shapes.of_schema(done["content"]["application/json"]["schema"], document)
            typed = shapes.of_type(used.types[name])
            found += [f"{name}{one}" for one in shapes.differences(typed, documented)]
    with pytest.raises(LeapdayError, match="404: There is no") as refused:
        leapday.paygentic().faults.delete("7")
    error = shapes.of_schema({"$ref": "#/components/schemas/shared.error"}, document)
    found += [f"error: no {name}" for name in error["fields"] if not hasattr(refused.value, name)]
    assert (refused.value.error, refused.value.code, refused.value.violations) == ("not_found", None, [])
    assert found == []
    manner = next(one for one in document["paths"]["/clock/advance"]["post"]["parameters"] if one["name"] == "deliver")
    assert set(get_args(Deliver)) == set(manner["schema"]["enum"])


def test_a_difference_is_seen() -> None:
    document: Any = {"components": {"schemas": {}}}
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"type": "integer"}},
        "required": ["a"],
    }
    shape = shapes.of_schema(schema, document)
    same = {"fields": {"a": {"any": ["null", "string"]}, "b": "integer"}, "required": ["a"]}
    assert shapes.differences(same, shape) == []
    for other in (
        {"fields": {"a": {"any": ["null", "string"]}}, "required": ["a"]},
        {"fields": {"a": "string", "b": "integer"}, "required": ["a"]},
        {"fields": {"a": {"any": ["null", "string"]}, "b": "integer"}, "required": ["a", "b"]},
        {"fields": {"a": {"any": ["null", "string"]}, "b": "number"}, "required": ["a"]},
    ):
        assert len(shapes.differences(other, shape)) == 1, other
