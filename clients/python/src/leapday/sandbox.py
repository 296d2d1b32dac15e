"""A running sandbox, and the worlds in it."""

from __future__ import annotations

import os
import secrets
from types import TracebackType
from typing import Any
from weakref import WeakSet

from ._http import Control, Http, given, segment
from ._process import Process, find_binary
from .errors import LeapdayError
from .groups import Instant, instant
from .types import Health, WorldInfo, WorldList
from .world import World

TIMEOUT_S = 120.0
ADMIN_TOKEN = "LEAPDAY_ADMIN_TOKEN"
FRESH = {"paygentic": "sk_test_", "paylera": "sk_sandbox_", "paymennt": "key_"}
MOUNTS = {"paygentic": "/paygentic", "paylera": "/paylera", "paymennt": "/paymennt/mer/v2.0"}


class Sandbox:
    """A running sandbox: :meth:`start` one, or :meth:`connect` to one."""

    def __init__(
        self, url: str, *, admin_token: str | None = None, timeout: float = TIMEOUT_S, process: Process | None = None
    ) -> None:
        """Use :meth:`start` or :meth:`connect`."""
        self.url = url.rstrip("/")
        """Where it listens; ``{url}/_leapday/`` is its dashboard."""
        self._token = admin_token if admin_token is not None else os.environ.get(ADMIN_TOKEN)
        self._timeout = timeout
        self._process = process
        self._control = Control(self._http({}))
        self._worlds: WeakSet[World] = WeakSet()

    @classmethod
    def start(
        cls,
        *flags: str,
        binary: str | os.PathLike[str] | None = None,
        admin_token: str | None = None,
        timeout: float = TIMEOUT_S,
    ) -> Sandbox:
        """Start one on a free port: ``Sandbox.start("--strict")``.

        It stops with :meth:`stop`, at the end of a ``with`` block, or when this process ends, in whatever way.

        :param binary: the program; else ``LEAPDAY_BIN``, else ``leapday`` on the path
        :param timeout: how long an answer is waited for, in seconds
        """
        env = {} if admin_token is None else {ADMIN_TOKEN: admin_token}
        process = Process(find_binary(binary), flags, env)
        # One that other machines can reach makes up a token of its own.
        token = process.endpoints.get("admin_token") or admin_token
        return cls(process.endpoints["base_url"], admin_token=token, timeout=timeout, process=process)

    @classmethod
    def connect(cls, url: str, *, admin_token: str | None = None, timeout: float = TIMEOUT_S) -> Sandbox:
        """Use one that runs: ``Sandbox.connect("http://127.0.0.1:4010")``."""
        sandbox = cls(url, admin_token=admin_token, timeout=timeout)
        sandbox.health()
        return sandbox

    def __enter__(self) -> Sandbox:
        """Stop it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """Stop the receivers of its worlds, and the sandbox if it was started here."""
        for world in list(self._worlds):
            world.close()
        if self._process is not None:
            self._process.stop()

    def paygentic(self, key: str | None = None) -> World:
        """Open the world of a key at Paygentic, or of a fresh one."""
        return self.world("paygentic", key or self.fresh_key("paygentic"))

    def paylera(self, key: str | None = None) -> World:
        """Open the world of a key at Paylera (``sk_sandbox_...``), or of a fresh one."""
        return self.world("paylera", key or self.fresh_key("paylera"))

    def paymennt(self, key: str | None = None, secret: str | None = None) -> World:
        """Open the world of a key and its secret at Paymennt, or of fresh ones."""
        key = key or self.fresh_key("paymennt")
        return self.world("paymennt", f"{key}:{secret or key}")

    def world(self, provider: str, key: str) -> World:
        """Open the world of a key as the sandbox lists it: Paymennt's are ``key:secret``."""
        if provider not in MOUNTS:
            raise LeapdayError(f"{provider!r} is none of {', '.join(MOUNTS)}")
        if provider == "paymennt":
            name, _, secret = key.partition(":")
            headers = {"X-Paymennt-Api-Key": name, "X-Paymennt-Api-Secret": secret or name}
        else:
            headers = {"Authorization": f"Bearer {key}"}
        world = World(self, provider, key, self.url + MOUNTS[provider], headers, self._http(headers))
        self._worlds.add(world)
        return world

    @staticmethod
    def fresh_key(provider: str) -> str:
        """Make up a key that nobody has."""
        return FRESH[provider] + secrets.token_hex(8)

    def health(self) -> Health:
        """Ask whether it is there."""
        return self._control.ask(Health, "GET", "/health")

    def operations(self) -> dict[str, Any]:
        """List the operations of each vendor."""
        return self._control.ask(dict, "GET", "/operations")

    def openapi(self, provider: str | None = None) -> dict[str, Any]:
        """Read the OpenAPI document of a vendor's API, or of the control API."""
        path = "/openapi.json" if provider is None else f"/{segment(provider)}/openapi.json"
        return self._control.ask(dict, "GET", path)

    def worlds(self, provider: str | None = None) -> list[WorldInfo]:
        """List the worlds of all keys."""
        return self._control.ask(WorldList, "GET", "/worlds", {"provider": provider})["worlds"]

    def create_world(self, provider: str, key: str, *, world: str | None = None, now: Instant | None = None) -> World:
        """Open a world before its key is used, with what ``world`` names in it: ``empty``, ``starter``.

        :param now: where its clock is frozen before anything is made; it flows with the wall without
        """
        body = given(key=key, world=world, now=instant(now))
        made = self._control.ask(WorldInfo, "POST", "/worlds", {"provider": provider}, body)
        return self.world(provider, made["key"])

    def delete_world(self, provider: str, key: str) -> None:
        """Forget a world."""
        self._control.tell("DELETE", f"/worlds/{segment(key)}", {"provider": provider})

    def _http(self, headers: dict[str, str]) -> Http:
        token = {} if self._token is None else {"leapday-admin-token": self._token}
        return Http(f"{self.url}/_leapday", {**headers, **token}, self._timeout)
