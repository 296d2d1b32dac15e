"""Requests to a sandbox, by the standard library."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from .errors import LeapdayError

T = TypeVar("T")
Query = Mapping[str, "str | int | bool | None"]
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def segment(text: str) -> str:
    """Write a piece of a path so that it stays one."""
    return quote(text, safe="")


def given(**fields: Any) -> dict[str, Any]:
    """Leave out what was not said."""
    return {name: value for name, value in fields.items() if value is not None}


class Http:
    """One base URL, the headers that go with every request, and a patience."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float) -> None:
        """Look where the sandbox is: a proxy of the environment is for hosts elsewhere."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise LeapdayError(f"{url!r} is not the URL of a sandbox, such as http://127.0.0.1:4010")
        self.url = url.rstrip("/")
        self.headers = dict(headers)
        self.timeout = timeout
        local = parts.hostname in LOOPBACK
        self._opener: OpenerDirector = build_opener(ProxyHandler({})) if local else build_opener()

    def send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request; the answer is its JSON, ``None`` if it is empty, or its text if it is no JSON."""
        asked = {name: _written(value) for name, value in (query or {}).items() if value is not None}
        url = self.url + path + (("&" if "?" in path else "?") + urlencode(asked) if asked else "")
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **self.headers, **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        request = Request(url, data, sent, method=method)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return _read(answer.read())
        except HTTPError as refused:
            with refused:
                raise _refusal(refused.code, refused.read(), refused.headers.get("leapday-violation")) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            why = error.reason if isinstance(error, URLError) else (error or type(error).__name__)
            raise LeapdayError(f"no answer to {method} {url}: {why}") from error


class Control:
    """The control API, for one world or for none."""

    def __init__(self, http: Http, provider: str | None = None) -> None:
        """Name the provider in every call, since one key may have worlds at several."""
        self._http = http
        self._provider = provider

    def ask(self, of: type[T], method: str, path: str, query: Query | None = None, body: object = None) -> T:
        """Make a call that answers something of this type."""
        return cast(T, self._http.send(method, path, {"provider": self._provider, **(query or {})}, body))

    def tell(self, method: str, path: str, query: Query | None = None) -> None:
        """Make a call that answers nothing."""
        self._http.send(method, path, {"provider": self._provider, **(query or {})})


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def _refusal(status: int, content: bytes, hint: str | None) -> LeapdayError:
    body = _read(content)
    if isinstance(body, dict) and isinstance(body.get("violations"), list):
        return LeapdayError(str(body.get("message")), status, body["violations"], body.get("error"), body.get("code"))
    # A vendor's own shape: what is wrong stands beside it.
    text = content.decode(errors="replace") or http.client.responses.get(status, "refused")
    return LeapdayError(text if hint is None else f"{hint}\n{text}", status)
