"""The parts of a document one by one: those of the whole document, whatever is read at a time."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.text import streamed
from mathreason_eval.text.documents import parse_json
from mathreason_eval.text.streamed import parts

# fmt: off
READ = [
    # document,                            taken apart, parts
    (b"{}",                                (),     []),
    (b' \n{"a": 1, "b": [1, 2]} \n',       (),     [("a", None, 1), ("b", None, [1, 2])]),
    (b'{"a": 1, "b": [1, 2]}',             ("b",), [("a", None, 1), ("b", 0, 1), ("b", 1, 2)]),
    (b'{"b": {"x": 1, "y": {}}}',          ("b",), [("b", "x", 1), ("b", "y", {})]),
    (b'{"b": 7, "c": []}',                 ("b", "c"), [("b", None, 7), ("c", None, [])]),
    (b'\xef\xbb\xbf{"a": "\xc3\xa9"}',     (),     [("a", None, "é")]),
    (b"[1]",                               (),     []),
    (b"7",                                 (),     []),
    (b"",                                  (),     []),
]
REFUSED = [
    # document,                            what is said
    (b'{"a": 1, "a": 2}',                  "key 'a' twice"),
    (b'{"b": {"a": 1, "a": 2}}',           "key 'a' twice"),
    (b'{"c": [{"a": 1, "a": 2}]}',         "key 'a' twice"),
    (b'{"a": 1',                           "is not JSON"),
    (b'{"a": 1,}',                         "is not JSON"),
    (b'{"b": [1 2]}',                      "is not JSON"),
    (b'{"b": [1,]}',                       "is not JSON"),
    (b'{"a" 1}',                           "is not JSON"),
    (b"{a: 1}",                            "is not JSON"),
    (b'{"a": 1} x',                        "something follows"),
    (b'{"a": 1}{',                         "something follows"),
    (b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", "nested more than 64"),
    (b'{"a": ' + b"[" * 200_000,           "nested more than 64|is not JSON"),
    (b'{"a": "\xff"}',                     "is not UTF-8"),
    ('{"a": 1}'.encode("utf-16"),          "is not UTF-8"),
    (b'{"a": [' + b"{}," * 1_200_000,      "more than 200 MiB of memory"),
]
# fmt: on


@pytest.mark.parametrize("at_a_time", [1, 3, 1 << 16])
@pytest.mark.parametrize(("document", "within", "found"), READ)
def test_parts_are_read(monkeypatch, document, within, found, at_a_time):
    monkeypatch.setattr(streamed, "_AT_LEAST", at_a_time)
    assert list(parts(io.BytesIO(document), within)) == found


@pytest.mark.slow
@pytest.mark.parametrize(("document", "says"), REFUSED)
def test_what_is_no_document_is_an_error(document, says):
    with pytest.raises(ValueError, match=says):
        list(parts(io.BytesIO(document), ("b", "c")))


VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from("abcd"), VALUES), st.integers(1, 40), st.booleans())
def test_parts_are_those_of_the_whole_document(value, at_a_time, ascii_only):
    document = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "_AT_LEAST", at_a_time)
        for key, place, part in parts(io.BytesIO(document), ("b",)):
            if place is None:
                found[key] = part
            elif isinstance(place, int):
                found.setdefault(key, []).append(part)
            else:
                found.setdefault(key, {})[place] = part
    assert found == parse_json(document)
