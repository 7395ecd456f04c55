"""What a server asks to wait is waited for, within bounds."""

from __future__ import annotations

from email.utils import formatdate
from random import Random
from time import time

import pytest

from mathreason_eval.models.retries import FailedTry, pause, retry_after

# fmt: off
HEADERS = [
    ({},                                                    None),
    ({"retry-after": "7"},                                  7.0),
    ({"retry-after": "0.5"},                                0.5),
    ({"retry-after": "-7"},                                 0.0),
    ({"retry-after-ms": "250", "retry-after": "7"},         0.25),
    ({"retry-after": "soon"},                               None),
    ({"retry-after": "inf"},                                None),
    ({"retry-after": "nan"},                                None),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"},      0.0),
]
# fmt: on


@pytest.mark.parametrize(("headers", "seconds"), HEADERS)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_a_date_to_come_is_waited_for():
    assert 3_000 < retry_after({"retry-after": formatdate(time() + 3_600)}) <= 3_601


@pytest.mark.parametrize("tries", [1, 2, 5, 9, 10_000])
def test_pauses_grow_within_bounds(tries):
    seconds = pause(tries, FailedTry(kind="HTTP 500", reason=""), Random(0))
    assert 0.375 <= seconds <= 8.0
    assert seconds <= 0.5 * 2 ** min(tries, 20)


def test_what_the_server_asks_for_is_waited():
    assert pause(3, FailedTry(kind="HTTP 429", reason="", after=42.0), Random(0)) == 42.0
