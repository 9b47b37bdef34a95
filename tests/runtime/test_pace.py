"""The pace of long work is shown as a rate and the remaining time."""

from __future__ import annotations

import pytest

from hermes_tui.runtime.pace import Pace, clock


def test_rate_and_remaining_time_count_from_the_start_of_the_work() -> None:
    pace = Pace(100.0, before=4_000_000)
    assert pace.text(8_000_000, 28_000_000, 104.0) == "1 MB/s 0:20 left"


def test_the_remaining_time_is_not_shown_before_the_rate_is_steady() -> None:
    assert Pace(0.0).text(8_000_000, 16_000_000, 1.0) == "8 MB/s"
    assert Pace(0.0).text(0, 16_000_000, 60.0) == "0 kB/s"


def test_a_slow_file_has_a_rate_in_kilobytes() -> None:
    assert Pace(0.0).text(40_000, 16_000_000, 1.0) == "40 kB/s"


def test_the_rate_of_small_files_is_in_files_per_second() -> None:
    assert Pace(0.0).text(400_000, 16_000_000, 1.0, files=2_000) == "2,000 files/s"
    assert Pace(0.0).text(8_000_000, 16_000_000, 1.0, files=2_000) == "8 MB/s"
    assert Pace(0.0).text(400_000, 16_000_000, 60.0, files=2) == "7 kB/s 39:00 left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0:00"), (7.4, "0:07"), (750, "12:30"), (11_100, "3:05:00")]
)
def test_long_times_have_hours(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_rate_is_zero_while_earlier_work_is_counted_again() -> None:
    assert Pace(0.0, before=5_000_000).text(1_000_000, 10_000_000, 1.0) == "0 kB/s"
