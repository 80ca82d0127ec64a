"""The floor over HTTP: a bare Flask route with one insert, and one with nothing."""

from __future__ import annotations

import os

import psycopg
from flask import Flask, request
from sqlalchemy import create_engine

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"], pool_size=4)
INSERT = """
INSERT INTO call_events (company_id, provider, event_id, provider_call_id, type, occurred_at, payload, outcome)
VALUES (1, 'bare', %s, %s, %s, %s, %s, 'applied') ON CONFLICT DO NOTHING
"""


@app.post("/events")
def events() -> tuple[dict[str, bool], int]:
    event = request.get_json()
    connection = engine.raw_connection()
    try:
        raw = connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        raw.execute(
            INSERT,
            (event["event_id"], event["call_id"], event["type"], event["occurred_at"], request.get_data(as_text=True)),
        )
        raw.commit()
    finally:
        connection.close()
    return {"stored": True}, 200


@app.get("/nothing")
def nothing() -> tuple[str, int]:
    return "", 200
