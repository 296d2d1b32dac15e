"""Every operation of every API, asked what its OpenAPI document allows and what it forbids.

Each request that may change something meets a fresh fork of the same world, so that an answer follows from the request
alone and a failure can be had again.
"""

import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sandbox import TIMEOUT_S
from world import CONTROL, PAYGENTIC, PAYLERA, PAYMENNT, crossed


def schema_and_type_agree(ctx, response, case):
    """What a schema lets pass, the handler can read."""
    assert b"passes its schema but" not in response.content, response.headers.get("leapday-violation")


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    schema_and_type_agree,
]
CONFIG = {
    "seed": 20280229,
    "generation": {
        "max-examples": 6,
        "deterministic": True,
        "no-shrink": True,
        # Who asks is said by the world; what is refused without a key, tests/it knows.
        "with-security-parameters": False,
    },
    "phases": {
        # Ten thousand ways to be refused by a schema are the schema's affair; a few are made up beside these.
        "coverage": {"generation": {"mode": "positive"}, "unexpected-methods": []},
    },
}
# Of the control API: what moves time or ends connections is asked nothing at random.
EXCLUDED = {
    "advanceClock": "may go to the end of time",
    "createFault": "may hang every later request",
}
# A wait for what does not come is only slow, and no made-up key has a world.
PASSED_OVER = ("wait", "world")


def load(api):
    schema = schemathesis.openapi.from_url(api.document, config=SchemathesisConfig.from_dict(CONFIG))
    return schema.exclude(operation_id=list(EXCLUDED)) if api is CONTROL else schema


@pytest.fixture(scope="session")
def grown():
    for api in (PAYGENTIC, PAYLERA, PAYMENNT, CONTROL):
        api.grow()


def check(api, case):
    example = api.examples.get(case.operation.definition.raw["operationId"])
    if case.path_parameters:
        case.path_parameters = api.known.path(case.operation.path, case.path_parameters)
    if case.query:
        case.query = api.known.fields(case.query)
    if isinstance(case.body, (dict, list)):
        case.body = api.known.fields(crossed(example, case.body))
    for name in PASSED_OVER:
        case.query.pop(name, None)
    if case.method != "GET":
        api.fork()
    case.call_and_validate(headers=api.headers, checks=CHECKS, timeout=TIMEOUT_S)


def asking(api):
    @load(api).parametrize()
    def test(grown, case):
        check(api, case)

    return test


test_paygentic = asking(PAYGENTIC)
test_paylera = asking(PAYLERA)
test_paymennt = asking(PAYMENNT)
test_control = asking(CONTROL)
