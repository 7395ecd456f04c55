"""JSON lines: what a line may be, and what is said of one that is none."""

from __future__ import annotations

import io
import json
import math

import pytest

from mathreason_eval.errors import DataError
from mathreason_eval.text.jsonl import dumps, parse_line, read_lines, read_objects

# fmt: off
READ = [
    # the file, and the values in it by line
    (b'{"a": 1}\n{"a": 2}\n',            {1: {"a": 1}, 2: {"a": 2}}),
    (b'{"a": 1}\r\n2',                   {1: {"a": 1}, 2: 2}),             # no last line feed
    (b"\n  \n1\n\r\n2\n",                {3: 1, 5: 2}),                    # blank lines count
    (b"\xef\xbb\xbf1\n",                 {1: 1}),                          # a byte order mark
    (b"\xef\xbb\xbf\n1\n",               {2: 1}),                          # and nothing else
    ('"a\u2028b\x85"\n'.encode(),        {1: "a\u2028b\x85"}),             # no ends of lines
    (b'"\\ud800"\n',                     {1: "\ud800"}),                   # half a pair, escaped
    (b"[NaN, Infinity, -Infinity, 1]\n", {1: [None, None, None, 1]}),
    (b"[1e400, -1e400, 1e40]\n",         {1: [None, None, 1e40]}),         # too large for a float
    (b"12345678901234567890\n",          {1: 12345678901234567890}),
    (b"null\n",                          {1: None}),
    (b"",                                {}),
]
REFUSED = [
    # the line, and what is said of it
    (b"{\n",                      "Expecting property name"),
    (b'{"a": 1\n',                "Expecting ',' delimiter"),
    (b'{"a": 1} {"a": 2}\n',      "Extra data"),
    (b"\xff\xfe1\x00\n",          "not UTF-8"),
    (b'"\xed\xa0\x80"\n',         "not UTF-8"),                             # half a pair, raw
    (b"[" * 100_000 + b"\n",      "nested too deeply"),
    (b"9" * 5000 + b"\n",         "Exceeds the limit"),
    (b'{"a": "cut',               "and the file ends in this line"),
]
# fmt: on


@pytest.mark.parametrize(("content", "values"), READ)
def test_lines_are_read(content, values):
    lines = list(read_lines(io.BytesIO(content)))
    assert {line.number: line.value for line in lines} == values
    assert all(line.error is None for line in lines)


@pytest.mark.parametrize("values_are_text", [False, True])
def test_a_line_of_too_many_values_is_none_and_a_text_of_commas_is_one(values_are_text):
    many = b",[{" * 700_000
    line = b'"' + many + b'"' if values_are_text else b"[" + many
    (read,) = read_lines([line + b"\n"])
    assert (read.value == many.decode()) == values_are_text
    assert ("more than 200 MiB of memory" in (read.error or "")) == (not values_are_text)


@pytest.mark.parametrize(("content", "says"), REFUSED)
def test_a_line_that_holds_no_json_says_why_and_costs_no_other(content, says):
    first, bad, *_ = read_lines(io.BytesIO(b"1\n" + content))
    assert (first.value, bad.number, bad.value) == (1, 2, None)
    assert says in bad.error
    assert [line.value for line in read_lines([content, b"3\n"])] == [None, 3]


@pytest.mark.parametrize("content", [b"[1]\n", b"null\n", b"NaN\n", *(line for line, _ in REFUSED)])
def test_a_line_without_an_object_is_an_error_with_file_and_line(content):
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2 is not a JSON object"):
        list(read_objects(io.BytesIO(b"{}\n" + content), "rows.jsonl"))


def test_json_for_other_programs_has_no_number_that_json_has_no_word_for():
    value = {"b": [math.nan, 0.1, {"c": -math.inf}], "a": "NaN"}
    assert dumps(value) == '{"a": "NaN", "b": [null, 0.1, {"c": null}]}'
    assert dumps([0.1, "é"], ensure_ascii=False) == '[0.1, "é"]'


def test_a_file_that_this_package_wrote_keeps_its_floats():
    written = json.dumps([math.inf, math.nan]).encode()
    assert parse_line(written, keep_nan=True) == [math.inf, pytest.approx(math.nan, nan_ok=True)]
