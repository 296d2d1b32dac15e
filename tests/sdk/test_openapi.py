"""The OpenAPI documents of all APIs: valid, and about every operation that there is."""

import os

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

CONTROL = os.environ["LEAPDAY_CONTROL"].rstrip("/")
APIS = ["paygentic", "paylera", "paymennt", "control"]


@pytest.fixture(scope="module")
def operations():
    return httpx.get(f"{CONTROL}/operations", timeout=30).json()


@pytest.mark.parametrize("api", APIS)
def test_the_document_is_valid_and_complete(api, operations):
    path = "/openapi.json" if api == "control" else f"/{api}/openapi.json"
    answer = httpx.get(f"{CONTROL}{path}", timeout=30)
    assert answer.status_code == 200
    document = answer.json()
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert not errors, errors[:3]
    found = {
        (operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    if api != "control":
        assert found == {(row["id"], row["method"], row["path"]) for row in operations[api]}
    assert document["servers"][0]["url"].startswith("http://127.0.0.1")
    assert document["components"]["securitySchemes"]


def test_an_api_that_is_not_there():
    assert httpx.get(f"{CONTROL}/nobody/openapi.json", timeout=30).status_code == 404
