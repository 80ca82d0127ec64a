"""The API describes itself, to programs and to people."""

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.harness.client import Client


def test_the_openapi_document_is_valid(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_api_route_is_described_and_every_described_one_is_routed(client: Client) -> None:
    import re

    document = client.get("/api/v1/openapi.json").json
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routed = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith("api.")
    }
    assert described == routed


def test_the_reference_page_shows_each_operation_with_a_line_to_copy(client: Client) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert "/api/v1/calls/events" in page.text
    assert "curl -X POST http://localhost/api/v1/calls/events" in page.text
    assert "idempotency_key_reused" in page.text


def test_the_type_of_a_problem_leads_to_the_reference(client: Client) -> None:
    answer = client.get("/api/v1/problems")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/api/docs")
