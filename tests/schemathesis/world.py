"""The world that every request meets: grown from the examples in the documents, and forked for each."""

import re
import zlib
from dataclasses import dataclass, field

import httpx

from sandbox import TIMEOUT_S, address_of

NOW = "2028-01-31T12:00:00Z"
ROUNDS = 3  # an example may need what a later one makes
KNOWN_MOST = 20  # values of one kind
# Of how many values one is kept where a known one could stand in its place.
ALL_KEPT, SOME_KEPT, NONE_KEPT = 1, 8, 1 << 32
OWN_NAMES = {"id", "code"}
NAMING = ("id", "_code", "currency", "token", "eventtype")
WRAPPERS = {"data", "items", "result", "content"}
# The same under other names.
ALSO = {"session": "paymentsessionid", "customer": "customerid", "of": "customerid"}
# What answers so, or is called so, makes something.
MADE = {"201", "202"}
MAKING = ("create", "debit")
PARAMETER = re.compile(r"([\w.-]*)/\{(\w+)\}")


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def pair(key):
    name, secret = key.split(":")
    return {"X-Paymennt-Api-Key": name, "X-Paymennt-Api-Secret": secret}


def plain(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def kind(noun, name):
    """What a value names: `customer_id`, `customerId` and what follows `/customers/` are all of one kind."""
    known = plain(noun).removesuffix("s") + name if name in OWN_NAMES else plain(name)
    return ALSO.get(known, known)


def chance(sent, of):
    """A number below `of`, the same for the same value."""
    return zlib.crc32(repr(sent).encode()) % of


def crossed(example, made):
    """What was made up, with most of its fields as in an example."""
    if not isinstance(example, dict) or not isinstance(made, dict):
        return made
    return example | {name: value for name, value in made.items() if name not in example or chance(value, 4) == 0}


@dataclass
class Known:
    """Values that name something in a world, by their kind."""

    values: dict = field(default_factory=dict)

    def learn(self, noun, answer):
        for item in answer if isinstance(answer, list) else []:
            self.learn(noun, item)
        for name, value in answer.items() if isinstance(answer, dict) else []:
            if isinstance(value, (dict, list)):
                self.learn(noun if name in WRAPPERS else name, value)
            elif name in OWN_NAMES or name.lower().endswith(NAMING):
                values = self.values.setdefault(kind(noun, name), [])
                if value is not None and value not in values and len(values) < KNOWN_MOST:
                    values.append(value)

    def pick(self, of, sent, kept=SOME_KEPT):
        """A known value in the place of what is sent, but for one in `kept`; for the same always the same."""
        values = self.values.get(of)
        return values[chance((sent, of), len(values))] if values and chance(sent, kept) != kept - 1 else sent

    def path(self, template, sent, **how):
        nouns = {parameter: noun for noun, parameter in PARAMETER.findall(template)}
        return {name: self.pick(kind(nouns.get(name, ""), name), value, **how) for name, value in sent.items()}

    def fields(self, sent, **how):
        if isinstance(sent, list):
            return [self.fields(item, **how) for item in sent]
        if not isinstance(sent, dict):
            return sent
        whole = (dict, list)
        return {
            name: self.fields(value, **how) if isinstance(value, whole) else self.pick(kind("", name), value, **how)
            for name, value in sent.items()
        }


class Api:
    """One API, the world in which its requests begin, and what is known there."""

    def __init__(self, name, prefix="", credentials=bearer, owner=None):
        self.name, self.provider = name, owner.name if owner else name
        self.url, self.control = address_of(f"LEAPDAY_{name.upper()}"), address_of("LEAPDAY_CONTROL")
        ending = ":s" if credentials is pair else ""
        self.origin = credentials(f"{prefix}{name}_grown{ending}")
        self.fork_key = f"{prefix}{name}_fork{ending}"
        self.headers = credentials(self.fork_key)
        self.http = httpx.Client(timeout=TIMEOUT_S)
        self.document = f"{self.control}{'' if owner else f'/{name}'}/openapi.json"
        # The control API looks at a world that its owner has grown.
        self.grown_by = owner or self
        self.known, self.examples = Known({"provider": [owner.name]} if owner else {}), {}

    def fork(self):
        """Begins again from the grown world."""
        self._control("/world/fork", {"key": self.fork_key, "replace": True})

    def grow(self):
        """Sends the examples of what makes something, in the document's order, until what they need is there."""
        self._control("/clock", {"now": NOW})
        operations = [
            (method, path, operation)
            for path, methods in self.http.get(self.grown_by.document).json()["paths"].items()
            for method, operation in methods.items()
        ]
        for _, _, operation in operations:
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            self.examples[operation["operationId"]] = content.get("example")
        reads = [(method, path, None) for method, path, _ in operations if method == "get"]
        makes = [
            (method, path, self.examples[operation["operationId"]])
            for method, path, operation in operations
            if method in ("post", "put") and makes_something(operation)
        ]
        for number, (method, path, body) in enumerate((makes + reads) * ROUNDS):
            # First as they stand; then about what is there.
            kept = ALL_KEPT if number < len(makes) else NONE_KEPT
            sent = {name: f"{name}{number}" for _, name in PARAMETER.findall(path)}
            answer = self.http.request(
                method,
                self.grown_by.url + path.format_map(self.known.path(path, sent, kept=NONE_KEPT)),
                headers=self.origin | {"Idempotency-Key": f"grow-{number}"},
                json=self.known.fields(body, kept=kept),
            )
            if answer.is_success and "json" in answer.headers.get("content-type", ""):
                self.known.learn([part for part in path.split("/") if "{" not in part][-1], answer.json())

    def _control(self, path, body):
        where = {"provider": self.provider}
        answer = self.http.post(self.control + path, params=where, headers=self.origin, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"


def makes_something(operation):
    return bool(MADE & operation["responses"].keys()) or operation["operationId"].startswith(MAKING)


PAYGENTIC = Api("paygentic", "sk_test_")
PAYLERA = Api("paylera", "sk_sandbox_")
PAYMENNT = Api("paymennt", credentials=pair)
CONTROL = Api("control", "sk_test_", owner=PAYGENTIC)
