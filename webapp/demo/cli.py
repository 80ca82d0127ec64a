"""`flask demo load` and `flask demo remove`: the same work as by the page, done here and now."""

from __future__ import annotations

import time

import click
from flask import Flask
from flask.cli import AppGroup

from webapp.accounts.models import User
from webapp.accounts.queries import find_user_by_email
from webapp.demo import service
from webapp.demo.models import DemoLoad

group = AppGroup("demo", help="Load or remove the demo company's data.")


def register(app: Flask) -> None:
    app.cli.add_command(group)


def _user(email: str) -> User:
    user = find_user_by_email(email)
    if user is None or not user.is_active:
        raise click.ClickException(f"There is no active user {email}.")
    return user


def _perform(row: DemoLoad) -> None:
    began = time.perf_counter()
    service.perform(row.id)
    if row.state == "done":
        click.echo(f"{row.message} {row.done:,} leads in {time.perf_counter() - began:.1f} s.")
    elif row.is_resting:
        raise click.ClickException(row.message)
    else:
        click.echo("A worker has taken it up; the page shows its progress.")


@group.command()
@click.option("--email", required=True, help="A user of the company; gets some of the callbacks.")
@click.option(
    "--scale",
    default=1.0,
    type=click.FloatRange(0.008, 4),
    show_default=True,
    help="1 is 25,000 leads and 60,000 calls.",
)
def load(email: str, scale: float) -> None:
    """Load the demo data into the company of this user."""
    user = _user(email)
    try:
        _perform(service.start_demo(user.company, by=user, scale=scale, ring=False))
    except service.DemoRefused as error:
        raise click.ClickException(str(error)) from None


@group.command()
@click.option("--email", required=True, help="A user of the company.")
def remove(email: str) -> None:
    """Remove the demo data from the company of this user."""
    user = _user(email)
    try:
        _perform(service.start_removal(user.company, by=user, ring=False))
    except service.DemoRefused as error:
        raise click.ClickException(str(error)) from None
