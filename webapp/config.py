"""Settings, read once from the environment; an odd or missing variable stops the start and is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(SystemExit):
    """The environment cannot be used; the text names each variable."""


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    env: Literal["production", "development", "test"] = "production"
    database_url: str
    redis_url: str
    secret_key: str = Field(min_length=16)
    var_dir: Path = ROOT / "var"
    storage_url: str = ""
    log_dir: Path | None = None
    log_format: Literal["console", "json"] = "console"
    base_url: str = "http://127.0.0.1:8000"
    trusted_hosts: tuple[str, ...] = ()
    proxy_hops: int = Field(default=0, ge=0, le=5)
    secure_cookies: bool = False
    metrics_token: str = ""
    chromium_path: str = ""
    smtp_url: str = ""
    mail_from: str = "rebound@localhost"
    max_upload_mb: int = Field(default=256, ge=1, le=4096)
    session_hours: int = Field(default=12, ge=1, le=720)
    pool_size: int = Field(default=5, ge=1, le=50)

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str) -> str:
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                value = "postgresql+psycopg://" + value[len(prefix) :]
        if not value.startswith("postgresql+psycopg://"):
            raise ValueError("must be a postgresql:// address")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be a redis://, rediss:// or unix:// address")
        return value

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip() for host in value.split(",") if host.strip())
        return value

    @property
    def storage(self) -> str:
        return self.storage_url or str(self.var_dir / "storage")

    @property
    def logs(self) -> Path:
        return self.log_dir or self.var_dir / "log"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Every setting is the upper-case name of its field; `REBOUND_ENV` is `env`."""
        names = {name: "REBOUND_ENV" if name == "env" else name.upper() for name in cls.model_fields}
        given = {name: environ[var] for name, var in names.items() if environ.get(var)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = [f"  {names[str(e['loc'][0])]}: {e['msg']}" for e in error.errors()]
            raise SettingsError("Rebound cannot start with these settings:\n" + "\n".join(lines)) from None
