"""What a server asks to wait is waited for, within bounds."""

from __future__ import annotations

from email.utils import formatdate
from random import Random
from time import time

import pytest

from mathreason_eval.models.retries import FailedTry, pause, retry_after, until_allowed

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


# fmt: off
LEFT = [
    # the headers with what is left and when there is more; the seconds until then
    ({},                                                                        None),
    ({"remaining-requests": "0", "reset-requests": "1s"},                       1.0),
    ({"remaining-requests": "0", "reset-requests": "1m0.5s"},                   60.5),
    ({"remaining-requests": "0", "reset-requests": "120ms"},                    0.12),
    ({"remaining-requests": "0", "reset-requests": "3"},                        3.0),
    ({"remaining-tokens": "0", "reset-tokens": "20s"},                          20.0),
    ({"remaining-requests": "0", "reset-requests": "1s", "remaining-tokens": "0",
      "reset-tokens": "20s"},                                                   20.0),
    ({"remaining-requests": "1", "reset-requests": "20s"},                      None),
    ({"remaining-requests": "0"},                                               None),
    ({"reset-requests": "20s"},                                                 None),
    ({"remaining-requests": "0", "reset-requests": "soon"},                     None),
    ({"remaining-requests": "0", "reset-requests": "-1s"},                      None),
    ({"remaining-requests": "0", "reset-requests": ""},                         None),
    ({"remaining-requests": "0", "reset-requests": "2h"},                       None),  # too long
    ({"remaining-requests": "0", "reset-requests": "9" * 5000 + "s"},           None),
]
# fmt: on


@pytest.mark.parametrize(("headers", "seconds"), LEFT, ids=str)
def test_a_server_says_when_it_allows_more(headers, seconds):
    assert until_allowed({f"x-ratelimit-{name}": text for name, text in headers.items()}) == seconds


RATES = [
    (FailedTry(kind="HTTP 429", reason="", status=429, again=True), True),
    (FailedTry(kind="HTTP 529", reason="", status=529, again=True), True),
    (FailedTry(kind="HTTP 503", reason="", status=503, again=True, after=2.0), True),
    (FailedTry(kind="HTTP 503", reason="", status=503, again=True), False),
    (FailedTry(kind="HTTP 429", reason="quota", status=429), False),
    (FailedTry(kind="HTTP 400", reason="", status=400), False),
]


@pytest.mark.parametrize(("failed", "is_of_rate"), RATES)
def test_who_is_refused_for_now_is_told_from_who_is_at_fault(failed, is_of_rate):
    assert failed.is_of_rate is is_of_rate


@pytest.mark.parametrize("tries", [1, 2, 5, 9, 10_000])
def test_pauses_grow_within_bounds(tries):
    seconds = pause(tries, FailedTry(kind="HTTP 500", reason=""), Random(0))
    assert 0.375 <= seconds <= 8.0
    assert seconds <= 0.5 * 2 ** min(tries, 20)


def test_what_the_server_asks_for_is_waited():
    assert pause(3, FailedTry(kind="HTTP 429", reason="", after=42.0), Random(0)) == 42.0
