"""The world that every request meets: grown from the repository's example requests, and forked for each."""

import itertools
import json
import os
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sandbox import TIMEOUT_S, address_of

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = "2028-01-31T12:00:00Z"
ROUNDS = 3  # an example may need what a later one makes
KNOWN_MOST = 20  # ids of one kind
PARAMETER = re.compile(r"([\w.-]*)/\{(\w+)\}")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def pair(key):
    name, secret = key.split(":")
    return {"X-Paymennt-Api-Key": name, "X-Paymennt-Api-Secret": secret}


def plain(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def kind(segment, parameter="id"):
    """What an id is of: `customer_id`, `customerId` and what follows `/customers/` are all of one kind."""
    return plain(parameter) if parameter.lower() != "id" else plain(segment).removesuffix("s") + "id"


@dataclass
class Known:
    """The ids in a world, by their kind."""

    ids: dict = field(default_factory=dict)

    def note(self, of, value):
        ids = self.ids.setdefault(of, [])
        if isinstance(value, (str, int)) and value not in ids and len(ids) < KNOWN_MOST:
            ids.append(value)

    def learn(self, segment, answer):
        for item in answer if isinstance(answer, list) else []:
            self.learn(segment, item)
        for name, value in answer.items() if isinstance(answer, dict) else []:
            if isinstance(value, (dict, list)):
                self.learn(segment, value)
            elif name.lower().endswith(("id", "_code")):
                self.note(kind(segment, name), value)

    def pick(self, of, sent, kept=4):
        """A known id in the place of what is sent, but for one in `kept`; the same for the same."""
        ids, number = self.ids.get(of), zlib.crc32(repr(sent).encode())
        return ids[number // kept % len(ids)] if ids and number % kept != 1 else sent

    def path(self, template, sent, **how):
        segments = {parameter: segment for segment, parameter in PARAMETER.findall(template)}
        return {name: self.pick(kind(segments.get(name, ""), name), value, **how) for name, value in sent.items()}

    def body(self, sent, **how):
        if isinstance(sent, list):
            return [self.body(item, **how) for item in sent]
        if not isinstance(sent, dict):
            return sent
        return {
            name: self.pick(plain(name), value, **how) if isinstance(value, (str, int)) else self.body(value, **how)
            for name, value in sent.items()
        }


class Api:
    """One API, the world in which its requests begin, and what is known there."""

    def __init__(self, name, prefix="", credentials=bearer, provider=None):
        self.name, self.provider = name, provider or name
        self.url, self.control = address_of(f"LEAPDAY_{name.upper()}"), address_of("LEAPDAY_CONTROL")
        ending = ":s" if credentials is pair else ""
        self.origin = credentials(f"{prefix}{name}_grown{ending}")
        self.fork_key = f"{prefix}{name}_fork{ending}"
        self.headers = credentials(self.fork_key)
        self.http = httpx.Client(timeout=TIMEOUT_S)
        self.known = Known()
        own = "" if name == "control" else f"/{name}"
        self.document = f"{self.control}{own}/openapi.json"

    def fork(self):
        """Begins again from the grown world."""
        body = {"key": self.fork_key, "replace": True}
        self._control("/world/fork", body)

    def grow(self):
        """Sends the example requests, in the order of the document, until what they need of each other is there."""
        self._control("/world/reset", {"world": "one-active-subscription"})
        self._control("/clock", {"now": NOW})
        document = self.http.get(self.document).json()
        operations = [
            (method, path, operation["operationId"])
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        examples = {}
        for file in sorted((FIXTURES / self.name).glob("*.json")):
            examples |= {name: example.get("request") for name, example in json.loads(file.read_text()).items()}
        reads = [(method, path, None) for method, path, _ in operations if method == "get"]
        makes = [(method, path, examples[id]) for method, path, id in operations if method == "post" and id in examples]
        numbers = itertools.count()
        for method, path, body in (reads + makes) * ROUNDS + reads:
            sent = {name: f"unknown{next(numbers)}" for _, name in PARAMETER.findall(path)}
            where = path.format_map(self.known.path(path, sent, kept=1))
            headers = self.origin | {"Idempotency-Key": f"grow-{next(numbers)}"}
            answer = self.http.request(
                method, self.url + where, headers=headers, json=self.known.body(body, kept=1)
            )
            if answer.is_success and "json" in answer.headers.get("content-type", ""):
                literal = [segment for segment in path.split("/") if "{" not in segment]
                self.known.learn(literal[-1], answer.json())

    def _control(self, path, body):
        answer = self.http.post(
            self.control + path, params={"provider": self.provider}, headers=self.origin, json=body, timeout=TIMEOUT_S
        )
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"


APIS = {
    "paygentic": Api("paygentic", "sk_test_"),
    "paylera": Api("paylera", "sk_sandbox_"),
    "paymennt": Api("paymennt", credentials=pair),
    "control": Api("control", "sk_test_", provider="paygentic"),
}
