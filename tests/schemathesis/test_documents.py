"""Every operation of every API, asked what its OpenAPI document allows and what it forbids.

Each request that may change something meets a fresh fork of the same world, so that an answer follows from the request
alone and a failure can be had again.
"""

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sandbox import TIMEOUT_S
from world import APIS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CONFIG = {
    "seed": 20280229,
    "generation": {
        "max-examples": 8,
        "deterministic": True,
        "no-shrink": True,
        # Credentials come from the world; what is refused without them, `tests/it` knows.
        "with-security-parameters": False,
    },
    "phases": {
        "coverage": {"enabled": False},
    },
}
# Of the control API: what moves time or ends connections is asked nothing at random.
EXCLUDED = {
    "advanceClock": "may go to the end of time",
    "createFaults": "may hang every later request",
    "importWorld": "replaces the world by what no document describes",
}


def load(api):
    schema = schemathesis.openapi.from_url(api.document, config=SchemathesisConfig.from_dict(CONFIG))
    return schema.exclude(operation_id=list(EXCLUDED)) if api.name == "control" else schema


@pytest.fixture(scope="session")
def grown():
    for api in APIS.values():
        api.grow()


def check(api, case):
    if case.path_parameters:
        case.path_parameters = api.known.path(case.operation.path, case.path_parameters)
    if isinstance(case.body, (dict, list)):
        case.body = api.known.body(case.body)
    # What waits for something that does not come is only slow.
    case.query.pop("wait", None)
    if case.method != "GET":
        api.fork()
    case.call_and_validate(headers=api.headers, checks=CHECKS, timeout=TIMEOUT_S)


def tests(api):
    @load(api).parametrize()
    def test(grown, case):
        check(api, case)

    return test


test_paygentic = tests(APIS["paygentic"])
test_paylera = tests(APIS["paylera"])
test_paymennt = tests(APIS["paymennt"])
test_control = tests(APIS["control"])
