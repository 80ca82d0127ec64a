"""/healthz, /readyz and /metrics tell the truth about each part."""

from tests.harness.client import Client


def test_the_process_is_healthy_without_asking_anything(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})
