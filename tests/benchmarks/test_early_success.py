"""The benchmark of early success, in a short form, and what it makes of its figures."""

from __future__ import annotations

import pytest

from benchmarks.early_success import EARLY, WAITING, figures, measure


def test_the_ratio_is_that_of_the_medians() -> None:
    seconds = {EARLY: [2.0, 3.0, 90.0], WAITING: [12.0, 10.0, 5.0]}
    report = figures(seconds, logins=9, denied=1, lost=2, requests=8)
    assert report["median_seconds"] == {EARLY: 3.0, WAITING: 10.0}
    assert report["ratio"] == 0.3
    assert (report["logins"], report["denied"], report["requests_lost"]) == (9, 1, 2)


@pytest.mark.walk
@pytest.mark.timeout(900)
def test_a_rotation_ends_earlier_and_nobody_is_denied() -> None:
    report = measure(count=3, attempts=500, minutes=8, seconds=5)
    medians = report["median_seconds"]
    # However busy the machine is: what isn't waited for is the deregistration at least.
    assert medians[WAITING] - medians[EARLY] > 0.6 * 5, report
    assert (report["denied"], report["requests_lost"]) == (0, 0), report
    assert len(set(report["followed_an_early_end"])) == 3, report
