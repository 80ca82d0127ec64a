from __future__ import annotations

import signal
import threading

import click
from flask import Flask
from flask.cli import with_appcontext

from webapp.accounts.models import Company
from webapp.core.db import db
from webapp.dialer.ari_listener import AriServer, Listener, wait_for_database


def register(app: Flask) -> None:
    app.cli.add_command(ari_listen)


@click.command("ari-listen")
@click.option("--company", "company_id", type=click.IntRange(1, 2**63 - 1), required=True, help="Whose calls they are.")
@click.option("--url", envvar="ARI_URL", required=True, help="Asterisk's HTTP server, as http://127.0.0.1:8088.")
@click.option("--user", envvar="ARI_USER", required=True, help="A user of ari.conf; read_only is enough.")
@click.option("--password", envvar="ARI_PASSWORD", required=True, help="Better given as ARI_PASSWORD.")
@click.option("--app", "app_name", envvar="ARI_APP", default="rebound", show_default=True, help="Our name there.")
@click.option("--name", envvar="ARI_NAME", default="", help="Of this Asterisk, in the calls. Default: its host.")
@click.pass_context
@with_appcontext
def ari_listen(
    ctx: click.Context, company_id: int, url: str, user: str, password: str, app_name: str, name: str
) -> None:
    """Follow an Asterisk and record its calls, until SIGTERM or SIGINT.

    Ends with 0, with 1 when events could not be recorded at the end, with 2 for an unknown company or a bad URL.
    """
    try:
        server = AriServer(url, user, password, app_name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    stop = threading.Event()
    before = {sig: signal.signal(sig, lambda *_: stop.set()) for sig in (signal.SIGTERM, signal.SIGINT)}
    try:
        company = wait_for_database(lambda: db.session.get(Company, company_id), stop)
        if company is None and not stop.is_set():
            raise click.UsageError(f"there is no company {company_id}")
        lost = 0 if company is None else Listener(company_id, server, stop, system=name).run()
    finally:
        for sig, previous in before.items():
            signal.signal(sig, previous)
    ctx.exit(1 if lost else 0)
