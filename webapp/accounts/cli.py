"""`flask create-admin` and `flask reset-password`: the way in when nobody can sign in."""

from __future__ import annotations

import sys

import click
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from flask import Flask
from flask.cli import with_appcontext

from webapp.accounts import queries
from webapp.accounts.models import Company
from webapp.accounts.passwords import check_length, hash_password
from webapp.accounts.places import hours_of
from webapp.accounts.service import Refused, people, workspace
from webapp.core.db import db

from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from the first line of stdin.")


def register(app: Flask) -> None:
    app.cli.add_command(create_admin)
    app.cli.add_command(reset_password)


@click.command()
@click.option("--company", required=True, help="Name of the company; made when there is none of that name.")
@click.option("--email", required=True)
@click.option("--name", required=True, help="The person's name.")
@from_stdin
@with_appcontext
def create_admin(company: str, email: str, name: str, password_stdin: bool) -> None:
    """Make an admin, and the company if it does not exist."""
    try:
        email = validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise click.ClickException(str(error)) from None
    password_hash = hash_password(_ask(password_stdin))
    found = db.session.scalars(sa.select(Company).where(Company.name == company).order_by(Company.id)).first()
    try:
        if found is None:
            workspace.create_workspace(
                company=company, zone="America/New_York", country="US", hours=hours_of([0, 1, 2, 3, 4], "09:00", "17:00"),
                name=name, email=email, password_hash=password_hash, only_first=False,
            )  # fmt: skip
        else:
            workspace.add_admin(found, name=name, email=email, password_hash=password_hash)
    except Refused as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(f"{email} can sign in as an admin of {company}.")


@click.command()
@click.argument("email")
@from_stdin
@with_appcontext
def reset_password(email: str, password_stdin: bool) -> None:
    """Set a new password for EMAIL and end all of the user's sessions."""
    user = queries.find_user_by_email(email)
    if user is None:
        raise click.ClickException(f"Nobody has the address {email}.")
    people.change_password(user, hash_password(_ask(password_stdin)), by=None)
    click.echo(f"The password of {user.email} is set; all sessions have ended.")
    if not user.is_active:
        click.echo("Note: this user is deactivated. An admin can reactivate on the Team page.")


def _ask(from_pipe: bool) -> str:
    if from_pipe:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if problem := check_length(password):
        raise click.ClickException(problem)
    return password
