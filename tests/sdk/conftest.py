"""Every test opens its own world, and looks at it with the vendor's client, raw HTTP and the control API."""

import pytest
from paygentic_sdk import Paygentic

import sandbox


class World(sandbox.World):
    def __init__(self):
        super().__init__()
        self.sdk = Paygentic(bearer_auth=self.key, server_url=self.base, timeout_ms=sandbox.TIMEOUT_S * 1000)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.sdk.__exit__(*error)


@pytest.fixture
def world():
    with World() as world:
        yield world


@pytest.fixture
def client(world):
    return world.sdk


@pytest.fixture
def raw(world):
    return world.raw


@pytest.fixture
def control(world):
    return world.control
