"""Fixtures for pytest: one sandbox for the run (of each xdist worker), and a world of its own for each test."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator, Iterator

import pytest

from .errors import LeapdayError
from .sandbox import Sandbox
from .world import World

FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what pytest.ini can say."""
    parser.addini("leapday_flags", "flags of the sandbox that the fixture `leapday` starts", type="args", default=[])


@pytest.fixture(scope="session")
def leapday(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """Give the sandbox of this run: the one at ``LEAPDAY_URL``, else one that is started for it."""
    url = os.environ.get("LEAPDAY_URL")
    with Sandbox.connect(url) if url else Sandbox.start(*pytestconfig.getini("leapday_flags")) as sandbox:
        yield sandbox


@pytest.fixture
def leapday_key(request: pytest.FixtureRequest) -> str:
    """Give a key that nobody else has, which says in the dashboard which test it is of."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", request.node.name)[:40].strip("_")
    return f"{name}_{secrets.token_hex(4)}"


@pytest.fixture
def paygentic(leapday: Sandbox, leapday_key: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a fresh world at Paygentic."""
    yield from _world(leapday.paygentic(f"sk_test_{leapday_key}"), request)


@pytest.fixture
def paylera(leapday: Sandbox, leapday_key: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a fresh world at Paylera."""
    yield from _world(leapday.paylera(f"sk_sandbox_{leapday_key}"), request)


@pytest.fixture
def paymennt(leapday: Sandbox, leapday_key: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a fresh world at Paymennt."""
    yield from _world(leapday.paymennt(leapday_key), request)


def _world(world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    yield world
    world.close()
    # What failed can be looked at in the dashboard of a sandbox that outlives the run.
    if not request.node.stash.get(FAILED, False):
        try:
            world.sandbox.delete_world(world.provider, world.key)
        except LeapdayError as refused:
            # One that was never used is none; a shared sandbox may keep it, where this run has no admin token.
            if refused.status not in (401, 403, 404):
                raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what happened in the worlds of the test."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for world in getattr(item, "funcargs", {}).values():
            if isinstance(world, World) and report.when == "call":
                try:
                    report.sections.append(("leapday", world.look()))
                except LeapdayError as error:
                    report.sections.append(("leapday", f"{world!r}: {error}"))
    return report
