"""Rebound, the outreach desk: `create_app(settings)` puts the features on the platform."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate
from htmx_flask import Htmx

from webapp.config import ROOT, Settings
from webapp.core import log, ui, web
from webapp.core.db import db, engine_options
from webapp.core.queue import redis_client
from webapp.core.schedule import Schedule  # noqa: F401  its table belongs to the schema

# Each feature is a package with models; `views.bp`, `api.bp` and `cli.group` where it has them.
FEATURES = (
    "accounts", "leads", "timeline", "dialer", "imports", "recycling", "automation", "reports", "notifications", "demo", "home",
)  # fmt: skip


def create_app(settings: Settings) -> Flask:
    app = Flask(
        __name__, static_folder=str(ROOT / "static"), template_folder=str(ROOT / "templates"), static_url_path="/static"
    )
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(pool_size=settings.pool_size),
        TESTING=settings.env == "test",
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=2000,
        TRUSTED_HOSTS=list(settings.trusted_hosts) or None,
        SESSION_COOKIE_NAME="rebound",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        JSON_SORT_KEYS=False,
    )
    log.configure(settings)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), compare_type=True)
    Htmx(app)
    app.extensions["redis"] = redis_client(settings.redis_url)
    for feature in FEATURES:
        if _exists(feature, "models"):
            import_module(f"webapp.{feature}.models")
    web.init_app(app)
    ui.init_ui(app)
    for module in _modules():
        app.register_blueprint(import_module(module).bp)
    for feature in ("core", *FEATURES):
        if _exists(feature, "cli"):
            import_module(f"webapp.{feature}.cli").register(app)
    return app


def _exists(feature: str, module: str) -> bool:
    package = Path(__file__).parent / feature
    return (package / f"{module}.py").exists() or (package / module / "__init__.py").exists()


def _modules() -> list[str]:
    return [
        f"webapp.{feature}.{part}"
        for feature in ("core", *FEATURES, "gallery")
        for part in ("health", "views", "api")
        if _exists(feature, part) and not (feature == "core" and part == "api")
    ]
