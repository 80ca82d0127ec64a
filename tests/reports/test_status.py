"""Research S10 exactly, and who has used up their dials."""

import pytest
import sqlalchemy as sa
from werkzeug.exceptions import NotFound

from tests.factories import make_campaign, make_company, make_lead, make_list
from tests.reports.conftest import fill
from webapp.reports.status import get_status_report, report_data, sum_rows


def test_the_ten_leads_of_s10_give_its_numbers(ten):
    report = get_status_report(ten.company_id, ten.id)

    assert report.status_breakdown == {
        "new": 2, "callback": 1, "sale": 1, "no_answer": 2, "busy": 1, "not_interested": 1, "dnc": 1, "(none)": 1,
    }  # fmt: skip
    assert sum(report.status_breakdown.values()) == report.total_leads == 10
    assert report.dials == 14
    found = {ratio.key: (ratio.part, ratio.whole, ratio.text) for ratio in report.ratios}
    assert found == {
        "contact_per_dial": (3, 14, "21.4 %"), "contact_per_lead": (3, 7, "42.9 %"), "attempted": (7, 10, "70.0 %"),
        "final_gross": (4, 10, "40.0 %"), "final_net": (3, 9, "33.3 %"), "saturation": (14, 10, "1.4"),
    }  # fmt: skip


def test_the_totals_have_the_keys_of_the_seed(ten):
    data = report_data(get_status_report(ten.company_id, ten.id))

    totals = {key: data[key] for key in ("total_leads", "new_leads", "contacted_leads", "remaining_leads")}
    assert totals == {"total_leads": 10, "new_leads": 2, "contacted_leads": 3, "remaining_leads": 6}
    assert data["status_breakdown"]["(none)"] == 1


def test_the_exhausted_lead_is_named_in_its_status(ten):
    report = get_status_report(ten.company_id, ten.id)

    assert {row.name: row.exhausted for row in report.breakdown if row.exhausted} == {"busy": 1}
    assert report.exhausted == 1


def test_every_column_of_the_breakdown_sums_to_the_list(ten):
    report = get_status_report(ten.company_id, ten.id)

    assert sum_rows(report.breakdown) == {"leads": 10, "never_dialed": 3, "dials": 14, "answered": 3, "exhausted": 1}
    assert sum(row.leads for row in report.dial_rows) == sum(row.leads for row in report.passes) == 10
    assert sum(row.share for row in report.breakdown) == pytest.approx(1)


def test_without_a_campaign_nobody_is_exhausted(company):
    lead_list = make_list(company)
    fill(lead_list, [("busy", 30, 0)])

    report = get_status_report(company.id, lead_list.id)

    assert report.exhausted == 0
    assert report.remaining_leads == 1
    assert "campaign" in [advice.kind for advice in report.recommendations]


@pytest.mark.parametrize(
    ("limits", "exhausted"),
    [
        ({"dials_per_pass": 3}, {"busy": 2, "no_answer": 2}),
        ({"lifetime_dials": 12}, {"busy": 1, "no_answer": 1}),
        ({"lifetime_dials": 12, "dials_per_pass": 3}, {"busy": 2, "no_answer": 2}),
        ({"lifetime_dials": 5, "dials_per_pass": 12}, {"busy": 1, "no_answer": 2}),
        ({"lifetime_dials": 100, "dials_per_pass": 12}, {"busy": 1}),
        ({"lifetime_dials": 100}, {}),
    ],
)
def test_limits_of_a_lifetime_and_of_a_pass_agree_with_counting_the_leads(company, limits, exhausted):
    """busy are in their first pass; of no_answer one lead is fresh in pass 2, one used its pass, one is young."""
    campaign = make_campaign(company, **limits)
    lead_list = make_list(company, dial_campaign_id=campaign.id)
    fill(lead_list, [("busy", 4, 0), ("busy", 14, 0), ("sale", 20, 1), ("new", 0, 0)])
    make_lead(lead_list, status="no_answer", dial_attempts=7, pass_dials=3, pass_number=2)
    make_lead(lead_list, status="no_answer", dial_attempts=13, pass_dials=4, pass_number=2)
    make_lead(lead_list, status="no_answer", dial_attempts=4, pass_dials=1, pass_number=2)

    report = get_status_report(company.id, lead_list.id)

    assert {row.name: row.exhausted for row in report.breakdown if row.exhausted} == exhausted
    assert report.remaining_leads == 7 - 1 - sum(exhausted.values())


def test_ten_dials_without_an_answer_are_told_apart_from_those_with_one(company):
    lead_list = make_list(company)
    fill(lead_list, [("no_answer", 10, 0), ("no_answer", 25, 0), ("contacted", 11, 1), ("no_answer", 9, 0)])

    report = get_status_report(company.id, lead_list.id)

    assert report.heavy_unanswered == 2
    assert (report.dial_rows[-1].label, report.dial_rows[-1].leads, report.dial_rows[-1].answered) == ("10+", 3, 1)


def test_an_empty_list_divides_by_nothing(company):
    report = get_status_report(company.id, make_list(company).id)

    assert report.total_leads == 0
    assert {ratio.text for ratio in report.ratios} == {"–"}
    assert [advice.kind for advice in report.recommendations] == ["import"]


def test_recommendations_say_what_to_do_and_where(ten):
    report = get_status_report(ten.company_id, ten.id)

    found = {advice.kind: advice for advice in report.recommendations}
    assert found["recycle"].action.startswith("Recycle 2 No Answer")
    assert found["recycle"].path == f"/lists/{ten.id}/recycle?status=no_answer"
    assert found["exhausted"].action == "Review 1 exhausted"


def test_the_problem_classes_are_those_of_the_repair_page(ten):
    from webapp.recycling.queries import problem_counts

    report = get_status_report(ten.company_id, ten.id)

    assert {row.name: row.leads for row in report.problems} == problem_counts(ten.company_id, ten.id)
    assert report.problem_leads > 0


def test_the_list_of_another_company_is_not_there(ten, db):
    other = make_company()

    for company_id, list_id in ((other.id, ten.id), (ten.company_id, ten.id + 999)):
        with pytest.raises(NotFound):
            get_status_report(company_id, list_id)


def test_the_report_asks_the_database_few_questions(ten, db):
    asked = []

    def note(*args):
        asked.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", note)
    get_status_report(ten.company_id, ten.id)
    sa.event.remove(db.engine, "before_cursor_execute", note)

    assert len(asked) <= 8
