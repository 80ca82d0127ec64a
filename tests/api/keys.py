"""Keys for tests of the API, and a client that sends one."""

import json
import secrets
from typing import Any

from werkzeug.test import TestResponse

from tests.harness.client import Client
from webapp.accounts.models import SCOPES, ApiKey, Company
from webapp.accounts.tokens import hash_token
from webapp.core.db import db


def make_key(company: Company, *scopes: str, by: Any = None) -> str:
    """A new key's token, made by that user; all scopes when none is named."""
    token = f"rb_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    db.session.add(
        ApiKey(
            company_id=company.id,
            name="test",
            prefix=token[:11],
            token_hash=hash_token(token),
            scopes=list(scopes or SCOPES),
            created_by_id=by.id if by else None,
        )
    )
    db.session.commit()
    return token


class Api:
    """Sends JSON with one key; a path is given without /api/v1."""

    def __init__(self, client: Client, token: str) -> None:
        self.client, self.token = client, token

    def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> TestResponse:
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given: dict[str, Any] = {}
        if raw is not None or body is not None:
            given = {
                "data": raw if raw is not None else json.dumps(body),
                "content_type": sent.pop("Content-Type", "application/json"),
            }
        return self.client.open(f"/api/v1{path}", method=method, headers=sent, **given)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.call("POST", path, body, **headers)
