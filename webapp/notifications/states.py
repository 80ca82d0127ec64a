"""What becomes of one alert on its way to one channel. A refused or exhausted one may be sent again by a person."""

from __future__ import annotations

from webapp.core.states import Machine, State

DELIVERY = Machine(
    "delivery",
    State("queued", "Waiting", "neutral", to=("sending", "failed"), icon="clock"),
    State("sending", "Sending", "info", to=("sent", "queued", "failed"), icon="loader-circle"),
    State("sent", "Sent", "ok", to=(), icon="check"),
    State("failed", "Not sent", "bad", to=("queued",), icon="x"),
    column="state",
)
