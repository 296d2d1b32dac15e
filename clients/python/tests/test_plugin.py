"""The fixtures, in runs of pytest of their own."""

from __future__ import annotations

import pytest

from leapday import Sandbox

TEST = """
ADA = {"name": "Ada", "email": "ada@example.com"}

def test_first(paygentic):
    assert paygentic.key.startswith("sk_test_test_first_")
    paygentic.call("POST", "/v0/customers", {"merchantId": "org_a", "consumer": ADA})
    assert paygentic.events.list()["total"] == 1

def test_second(paygentic, paylera, paymennt, leapday, leapday_key):
    assert paygentic.events.list()["total"] == 0
    assert leapday_key in paygentic.key and leapday_key in paylera.key and leapday_key in paymennt.key
    assert paygentic.sandbox is leapday
"""


def test_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_xdist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)


def test_a_failure_shows_the_world(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest
        from leapday import LeapdayError

        ADA = {"name": "Ada", "email": "ada@example.com"}

        def test_fails(paygentic):
            paygentic.call("POST", "/v0/customers", {"merchantId": "org_a", "consumer": ADA})
            with pytest.raises(LeapdayError):
                paygentic.call("POST", "/v0/products", {})
            assert False
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- leapday -*",
            "paygentic sk_test_test_fails_* at *",
            "*customer.created.v0  customer cus_*",
            "refused requests:",
            "*POST /v0/products 400",
            "*/name required: is missing",
        ]
    )


def test_a_sandbox_that_runs_is_used(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, leapday: Sandbox
) -> None:
    monkeypatch.setenv("LEAPDAY_URL", leapday.url)
    pytester.makepyfile("""
        def test_passes(paygentic):
            paygentic.clock.set("2028-01-31T00:00:00Z")

        def test_fails(paylera):
            paylera.clock.set("2028-01-31T00:00:00Z")
            assert False
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=1, failed=1)
    keys = [one["key"] for one in leapday.worlds()]
    assert [key for key in keys if "test_passes" in key] == [], "what passed is swept away"
    assert len([key for key in keys if "sk_sandbox_test_fails" in key]) == 1, "what failed can be looked at"


def test_flags_come_from_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nleapday_flags = --world empty")
    pytester.makepyfile("""
        def test_flag(paygentic):
            assert paygentic.call("GET", "/v0/plans")["data"] == []
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
