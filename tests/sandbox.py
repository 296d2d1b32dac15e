"""What every suite of Python tests shares: one key is one world, seen by raw HTTP and by the control API."""

import ipaddress
import os
import secrets
from urllib.parse import urlsplit

import httpx
import pytest

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
        pytest.fail(f"{variable} is not set: start these tests with the run of their folder", pytrace=False)
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
        self.base = address_of("LEAPDAY_PAYGENTIC")
        self.raw = httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {self.key}"}, timeout=TIMEOUT_S
        )
        self.control = Control(self.key)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.raw.close()
        self.control.close()
