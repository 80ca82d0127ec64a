from __future__ import annotations

import click
import sqlalchemy as sa
from flask import Flask
from flask.cli import with_appcontext

from webapp.core.db import db
from webapp.dialer.models import DialCampaign
from webapp.leads.models import LeadList
from webapp.recycling.lead_status import fix_scope
from webapp.recycling.queries import fixable, problem_counts

LINE = "=" * 70


def register(app: Flask) -> None:
    app.cli.add_command(fix_lead_status)


@click.command("fix-lead-status")
@click.option("--report-only", is_flag=True, help="Count the problems and stop.")
@click.option("--dry-run", is_flag=True, help="Say what a fix would do, and change nothing.")
@click.option("--campaign", "campaign_id", type=int, help="Only the lists of this dial campaign.")
@click.option("--list", "list_id", type=int, help="Only this lead list.")
@click.pass_context
@with_appcontext
def fix_lead_status(
    ctx: click.Context, report_only: bool, dry_run: bool, campaign_id: int | None, list_id: int | None
) -> None:
    """Find leads whose status or counters disagree with their calls, and fix them.

    Ends with 0 when nothing fixable remains, with 1 when it does, with 2 for an unknown campaign or list.
    """
    scope, companies = _scope(campaign_id, list_id)
    click.echo(f"{LINE}\nLead Status Fix - Phase 2.1\n{LINE}\nScope: {scope}\n\nStep 1: Analyzing leads...")
    counts: dict[str, int] = {}
    for company_id in companies:
        for name, number in problem_counts(company_id, list_id, campaign_id=campaign_id).items():
            counts[name] = counts.get(name, 0) + number
    _print_counts(counts)
    if report_only:
        ctx.exit(1 if fixable(counts) else 0)
    click.echo(f"\nStep 2: {'Dry run, nothing is changed...' if dry_run else 'Fixing issues...'}")
    done = {"leads_checked": 0, "leads_fixed": 0, "errors": 0}
    distribution: dict[str, int] = {}
    for company_id in companies:
        one = fix_scope(company_id, list_id=list_id, campaign_id=campaign_id, dry_run=dry_run)
        for key in done:
            done[key] += one[key]
        for status, number in one["status_distribution"].items():
            distribution[status] = distribution.get(status, 0) + number
    click.echo(f"  Leads checked: {done['leads_checked']}")
    click.echo(f"  {'Leads to be fixed' if dry_run else 'Leads fixed'}: {done['leads_fixed']}")
    click.echo(f"  Errors: {done['errors']}")
    if distribution:
        click.echo("\n  Status distribution after fix:")
        for status, number in sorted(distribution.items(), key=lambda pair: (-pair[1], pair[0])):
            click.echo(f"    {status}: {number}")
    if dry_run:
        ctx.exit(1 if fixable(counts) else 0)
    left = sum(fixable(problem_counts(company_id, list_id, campaign_id=campaign_id)) for company_id in companies)
    click.echo(
        f"\n✅ Successfully fixed {done['leads_fixed']} leads!" if not left else f"\n{left} leads still need fixing."
    )
    ctx.exit(1 if left or done["errors"] else 0)


def _scope(campaign_id: int | None, list_id: int | None) -> tuple[str, list[int]]:
    if list_id is not None:
        found = db.session.get(LeadList, list_id)
        if found is None:
            raise click.UsageError(f"there is no list {list_id}")
        return f"List {found.name}", [found.company_id]
    if campaign_id is not None:
        campaign = db.session.get(DialCampaign, campaign_id)
        if campaign is None:
            raise click.UsageError(f"there is no campaign {campaign_id}")
        return f"Campaign {campaign.name}", [campaign.company_id]
    return "All campaigns", list(
        db.session.scalars(sa.select(LeadList.company_id).distinct().order_by(LeadList.company_id))
    )


def _print_counts(counts: dict[str, int]) -> None:
    words = {
        "dialed_but_new": 'Leads with dial attempts but status "new"',
        "calls_without_tracking": "Leads with calls but missing dial tracking",
        "missing_status": "Leads with no status and no calls",
        "count_mismatch": "Leads with fewer dials counted than calls",
        "open_call": "Leads with a call without an end for over 2 hours",
        "stuck_claim": "Leads claimed past the lease",
        "hopper_mismatch": "Leads in the hopper that may not be dialed",
        "count_mismatch_above": "Listed for a person: more dials counted than calls",
        "count_without_log": "Listed for a person: dials counted, no call log",
        "callback_mismatch": "Listed for a person: callback and status disagree",
    }
    for name, text in words.items():
        if name in ("dialed_but_new", "calls_without_tracking") or counts.get(name):
            click.echo(f"  {text}: {counts.get(name, 0)}")
    click.echo(f"  Total issues found: {sum(counts.values())}")
