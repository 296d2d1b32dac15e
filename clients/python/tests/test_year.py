"""What a client is for: a year of billing with the dates of a calendar, and worlds that never meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from shop import order, sign_up, subscribe

from leapday import Sandbox, World

MONTHS = [
    "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30", "2028-07-31", "2028-08-31",
    "2028-09-30", "2028-10-31", "2028-11-30", "2028-12-31", "2029-01-31",
]  # fmt: skip


def test_a_year_at_paygentic(paygentic: World) -> None:
    clock, subscription = subscribe(paygentic)
    paygentic.pay(subscription["payment"]["paymentSessionId"])
    paygentic.clock.advance(to="2029-02-01T00:00:00Z", clock=clock)
    invoices = paygentic.call("GET", "/v2/invoices?limit=20")["data"]
    ends = [*MONTHS[1:], "2029-02-28", "2029-03-31"]
    assert [one["periodEnd"] for one in invoices] == [f"{day}T00:00:00Z" for day in ends]
    assert {one["grandTotal"] for one in invoices} == {"54.14"}, "49.90 and 8.5 % tax"
    issued = paygentic.events.list("invoice.issued.v0")["events"]
    assert [one["at"][:10] for one in issued[:4]] == ["2028-01-31", "2028-03-01", "2028-04-01", "2028-05-01"]


def test_a_year_at_paylera(paylera: World) -> None:
    sign_up(paylera)
    seen = paylera.clock.preview("P1Y")
    went = paylera.clock.advance("P1Y")
    assert went["events"] == seen["events"]
    paid = paylera.events.list("invoice.paid")["events"]
    assert [one["at"] for one in paid] == [f"{day}T00:00:00Z" for day in MONTHS]


def test_dunning_by_script(paylera: World) -> None:
    customer = sign_up(paylera)
    paylera.script(customer, ["decline", "succeed"])
    paylera.clock.advance("P1M")
    failed = paylera.expect_event("payment.failed")
    assert (failed["at"], failed["about"]["amount"]) == ("2028-02-29T00:00:00Z", "52.92")
    paylera.clock.advance("P3D")
    assert paylera.expect_event("payment.succeeded", offset=failed["number"])["at"] == "2028-03-03T00:00:00Z"


def test_64_worlds_in_parallel(leapday: Sandbox) -> None:
    def months(number: int) -> tuple[int, str, str]:
        world = leapday.paygentic()
        clock, subscription = subscribe(world)
        world.pay(subscription["payment"]["paymentSessionId"])
        went = world.clock.advance(f"P{number}M", clock=clock)
        invoices = world.call("GET", "/v2/invoices?limit=100")["data"]
        return len(invoices), went["now"], world.key

    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(months, [n % 12 + 1 for n in range(64)]))
    assert [invoices for invoices, _, _ in found] == [n % 12 + 3 for n in range(64)], "one each month, each its own"
    assert {now for _, now, _ in found} == {f"{day}T00:00:00Z" for day in MONTHS[1:]}
    assert len({key for _, _, key in found}) == 64


def test_worlds_of_one_key_at_two_vendors(paylera: World, paymennt: World) -> None:
    order(paymennt)
    assert paylera.events.list()["total"] == 0
    assert paymennt.events.list()["total"] == 1
