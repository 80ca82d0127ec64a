"""The chart builders: the same svg for page, print and PDF."""

from decimal import Decimal
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from webapp.core import charts

NS = "{http://www.w3.org/2000/svg}"
DRAWN = {
    "bar": lambda: charts.bar([("Mon", 3), ("Tue", Decimal("2.5"))], "Calls"),
    "hbar": lambda: charts.hbar([("Captcha", 31, "warn"), ("Timed out", 9)], "Failures"),
    "stacked": lambda: charts.stacked([("Mon", [3, 1])], [("Sent", "ok"), ("Failed", None)], "Outcomes"),
    "line": lambda: charts.line([("Email", [1, None, 3.5])], ["a", "b", "c"], "Rate"),
    "sparkline": lambda: charts.sparkline([3, 1, 2], "Trend"),
    "heat": lambda: charts.heat([[1, 0, None]], ["Mon"], ["8", "9", "10"], "Answers"),
}
EMPTY = {
    "bar": lambda: charts.bar([], "Calls"),
    "hbar": lambda: charts.hbar([], "Failures"),
    "stacked": lambda: charts.stacked([], [("Sent", None)], "Outcomes"),
    "line": lambda: charts.line([("Email", [None])], ["a"], "Rate"),
    "sparkline": lambda: charts.sparkline([], "Trend"),
    "heat": lambda: charts.heat([], [], [], "Answers"),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_chart_is_xml_with_a_title_a_description_and_its_own_colours(kind: str) -> None:
    svg = DRAWN[kind]()
    root = ElementTree.fromstring(svg)
    assert isinstance(svg, Markup)
    assert root.find(f"{NS}title") is not None
    assert root.findtext(f"{NS}desc")
    assert "style=" not in svg
    assert all(shape.get("fill") for shape in root.iter(f"{NS}rect"))


@pytest.mark.parametrize("kind", EMPTY)
def test_a_chart_of_nothing_says_so(kind: str) -> None:
    root = ElementTree.fromstring(EMPTY[kind]())
    assert root.findtext(f"{NS}desc") == "No data in this period"


def test_labels_from_people_are_escaped() -> None:
    svg = charts.bar([('<script>"&', 1)], "<b>")
    assert "<script>" not in svg
    assert ElementTree.fromstring(svg).findtext(f"{NS}title") == "<b>"


def test_the_tallest_bar_stays_inside_its_axis() -> None:
    root = ElementTree.fromstring(charts.bar([("a", 97), ("b", 1)], "Calls", height=220))
    tops = [float(bar.get("y", "0")) for bar in root.iter(f"{NS}rect")]
    assert min(tops) >= 20


def test_a_gap_in_a_line_is_not_bridged() -> None:
    root = ElementTree.fromstring(charts.line([("Email", [1, 2, None, 3, 4])], list("abcde"), "Rate"))
    assert len(list(root.iter(f"{NS}polyline"))) == 2


def test_whole_numbers_have_whole_ticks() -> None:
    assert charts._ticks(2) == [0, 1, 2]
    assert charts._ticks(97) == [0, 25, 50, 75, 100]
    assert charts._ticks(0) == [0, 1]
