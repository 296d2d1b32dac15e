"""One key is one world: every test opens its own, and looks at it with the vendor's client, raw HTTP and the control API."""

import ipaddress
import os
import secrets
from urllib.parse import urlsplit

import httpx
import pytest
from paygentic_sdk import Paygentic

TIMEOUT_S = 30  # a year in one jump, on a slow machine
LOCAL_NAMES = {"localhost"}


def local(url):
    """The URL, if it is of this machine: these tests never ask a vendor's host anything."""
    host = urlsplit(url).hostname or ""
    if host not in LOCAL_NAMES and not ipaddress.ip_address(host).is_loopback:
        raise AssertionError(f"{url} is not local")
    return url


def address_of(variable):
    if variable not in os.environ:
        pytest.fail(f"{variable} is not set: start these tests with tests/sdk/run", pytrace=False)
    return local(os.environ[variable].rstrip("/"))


class Control:
    """The control API, for the world of one key."""

    def __init__(self, key):
        self._http = httpx.Client(
            base_url=address_of("LEAPDAY_CONTROL"), headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S
        )

    def get(self, path):
        return self._read(self._http.get(path))

    def post(self, path, body):
        return self._read(self._http.post(path, json=body))

    def close(self):
        self._http.close()

    @staticmethod
    def _read(answer):
        assert answer.is_success, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class World:
    def __init__(self):
        self.key = f"sk_test_{secrets.token_hex(12)}"
        base = address_of("LEAPDAY_PAYGENTIC")
        self.sdk = Paygentic(bearer_auth=self.key, server_url=base, timeout_ms=TIMEOUT_S * 1000)
        self.raw = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {self.key}"}, timeout=TIMEOUT_S)
        self.control = Control(self.key)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.raw.close()
        self.control.close()
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
