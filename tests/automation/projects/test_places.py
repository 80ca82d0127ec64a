"""Places: what people write for one, and the box around a circle."""

from __future__ import annotations

import pytest

from webapp.automation.places import PlaceUnknown, bounds, find_place, parse_point, place_of
from webapp.automation.rules import miles_between


@pytest.mark.parametrize("text", ["43215", " 43215-1234 ", "432151234"])
def test_a_postal_code_has_a_place_with_or_without_its_four_more_digits(text: str) -> None:
    found = find_place(text)
    assert found is not None
    assert (found.postal_code, found.name) == ("43215", "Columbus, OH")
    assert place_of(text) == (found.lat, found.lng)
    assert miles_between(found.lat, found.lng, 39.9612, -82.9988) < 3


@pytest.mark.parametrize("text", ["39.96, -83.00", "39.96 -83", " +39.96;-83.00 "])
def test_coordinates_are_read_as_people_write_them(text: str) -> None:
    assert parse_point(text) == (39.96, -83.0)


@pytest.mark.parametrize(
    "text", ["91, 0", "0, 181", "39.96", "1,2,3", "١٢, ٣٤", "nan, nan", "Columbus", "00000", "09007"]
)
def test_what_is_no_place_is_refused_with_what_can_be_given(text: str) -> None:
    with pytest.raises(PlaceUnknown, match=r"39\.96, -83\.00"):
        find_place(text)


def test_a_box_of_bounds_holds_its_circle_across_the_date_line_and_over_a_pole() -> None:
    box = bounds(0, 179.9, 50)
    assert box.west > box.east  # across
    assert miles_between(0, 179.9, 0, box.east) >= 50
    assert bounds(89.9, 0, 50).west == -180
    for lat, lng in ((40.0, -83.0), (64.8, -147.7), (-33.9, 151.2)):
        box = bounds(lat, lng, 100)
        assert min(miles_between(lat, lng, lat, box.east), miles_between(lat, lng, box.north, lng)) >= 100
