"""Which options an answer of multiple choice claims: what is denied or left open is no claim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.maths.compare.options import LETTERS, claims_options, labelled, read_options

# fmt: off
CLAIMS = [
    # answer                        claimed
    ("B",                           "B"),
    ("b",                           "B"),
    ("(c)",                         "C"),
    (r"\text{(B)}",                 "B"),
    ("**D**",                       "D"),
    ("B) 15",                       "B"),
    ("(D) -3",                      "D"),
    ("B. Paris",                    "B"),
    ("B Tuesday",                   "B"),
    ("Option (B): 12 cm",           "B"),
    ("E: A polygenic risk score",   "E"),
    ("B) A and C only",             "B"),       # the option's text names others
    ("None of the above (E)",       "E"),
    ("D (all of the above)",        "D"),
    ("ب",                           "ب"),
    ("Г",                           "Г"),
    # several
    ("A, C",                        "AC"),
    ("AC",                          "AC"),
    ("A and B are both correct",    "AB"),
    ("not only A but also B",       "AB"),
    ("all of A, B, C are right",    "ABC"),
    ("B) 15, C) 20",                "BC"),
    ("B和C",                        "BC"),
    ("B、C",                        "BC"),
    ("B+C",                         "BC"),
    # denied
    ("C (not D)",                   "C"),
    ("C, since D is wrong",         "C"),
    ("A is wrong, B is correct",    "B"),
    ("It is not A, it is B",        "B"),
    ("B rather than C",             "B"),
    ("I choose C over B",           "C"),
    ("I am torn between A and B, but I go with A.", "A"),
    ("C as opposed to B",           "C"),
    ("B is not wrong",              "B"),
    ("A: wrong. B: wrong. The answer: C, it cannot be A", "C"),
    ("D, it makes no sense for it to be A or B", "D"),
    ("C et non A",                  "C"),
    ("C is wrong",                  ""),
    ("Not B.",                      ""),
    ("cannot be A",                 ""),
    ("I would eliminate B.",        ""),
    ("neither A nor B",             ""),
    ("A) is wrong",                 ""),
    ("B가 아닙니다",                 ""),
    ("B不对",                       ""),
    # left open
    ("(A) or (B)",                  "AB?"),
    ("A/B",                         "AB?"),
    ("either A or B",               "AB?"),
    ("B=C",                         "BC?"),
    ("D or none",                   "D?"),
    # no option at all
    ("F(x)",                        None),
    ("C_1",                         None),
    ("B^2",                         None),
    ("A + 1",                       None),
    ("A = 5",                       None),
    ("5 J",                         None),
    ("J/s",                         None),
    ("A dog",                       None),
    ("BAD",                         None),
    ("",                            None),
    (r"\langle H\rangle \ll \Delta E", None),
]
# fmt: on


@pytest.mark.parametrize(("answer", "claimed"), CLAIMS)
def test_what_an_answer_claims(answer: str, claimed: str | None) -> None:
    read = read_options(answer)
    said = None if read is None else "".join(sorted(read.claimed)) + "?" * read.is_open
    assert said == claimed


# fmt: off
RIGHT = [
    # gold      answer                          right
    ("B",       "B) 15",                        True),
    ("B",       "(b)",                          True),
    ("AC",      "A, C",                         True),
    ("A, C",    "C and A",                      True),
    ("B) 15",   "B",                            True),
    ("B",       "C",                            False),
    ("B",       "B, C",                         False),
    ("B",       "B or C",                       False),
    ("B",       "B C",                          False),
    ("B",       "Not B",                        False),
    ("AC",      "A",                            False),
    ("A",       "A, C",                         False),
    ("A",       "A is wrong, B is correct",     False),
    ("F",       "F(x)",                         False),
]
# fmt: on


@pytest.mark.parametrize(("gold", "answer", "right"), RIGHT)
def test_an_answer_is_right_if_it_claims_what_the_gold_names_and_nothing_else(
    gold: str,
    answer: str,
    right: bool,  # noqa: FBT001  a column of a table
) -> None:
    named = read_options(gold)
    assert named is not None
    assert claims_options(named, answer).equal is right


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(B) 15", ("B", "15")), (r"\text{B) } 15", ("B", "15")), ("B", None), ("B, C", None)],
)
def test_the_text_of_an_option(text: str, expected: tuple[str, str] | None) -> None:
    assert labelled(text) == expected


letters = st.sets(st.sampled_from("ABCDEFGH"), min_size=1, max_size=4)


@given(letters, st.randoms(), st.sampled_from([", ", " and ", ",", " & ", "; ", " "]))
def test_the_order_and_the_separator_of_letters_do_not_matter(claimed, random, separator) -> None:
    shuffled = sorted(claimed)
    random.shuffle(shuffled)
    read = read_options(separator.join(shuffled))
    assert read is not None
    assert (read.claimed, read.is_open) == (claimed, False)


@given(letters)
def test_what_is_claimed_is_no_longer_claimed_once_it_is_denied(claimed) -> None:
    said = " and ".join(sorted(claimed))
    for denial in (f"not {said}", f"{said} are wrong", f"neither {said}", f"{said} isn't it"):
        read = read_options(denial)
        assert read is not None
        assert not read.claimed, denial


@given(st.text(alphabet=f"ABCab() .,:/+\\text{{}}{LETTERS[3:6]}not or", max_size=60))
def test_any_text_is_read(text: str) -> None:
    read = read_options(text)
    assert read is None or read.claimed or read.denied
