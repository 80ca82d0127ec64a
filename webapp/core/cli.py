"""`flask backup`, `flask restore` and `flask states`."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from webapp.core.backup import BackupError, Manifest, read_backup, read_manifest, write_backup
from webapp.core.db import db
from webapp.core.states import describe_machines
from webapp.core.storage import get_storage


def register(app: Flask) -> None:
    app.cli.add_command(backup)
    app.cli.add_command(restore)
    app.cli.add_command(states)


def _summary(manifest: Manifest) -> str:
    rows = sum(manifest.tables.values())
    return f"{rows:,} rows in {len(manifest.tables)} tables and {manifest.files:,} files ({manifest.bytes:,} bytes)"


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Write the database and all stored files into FILE, a tar. Rebound may go on working."""
    settings = current_app.config["SETTINGS"]
    try:
        manifest = write_backup(file, database_url=settings.database_url, storage=get_storage())
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file}: {_summary(manifest)}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def restore(file: Path, yes: bool) -> None:
    """Replace the database and stored files by those in FILE. Stop web and workers first."""
    settings = current_app.config["SETTINGS"]
    try:
        manifest = read_manifest(file)
        click.echo(f"{file} of {manifest.made_at}: {_summary(manifest)}")
        if not yes:
            click.confirm("This replaces everything that is there now. Go on?", abort=True)
        db.engine.dispose()
        read_backup(file, database_url=settings.database_url, storage=get_storage())
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    upgrade()
    click.echo("Restored and brought up to date.")


@click.command()
def states() -> None:
    """Print docs/states.md: every state machine as the code declares it."""
    click.echo(describe_machines(), nl=False)
