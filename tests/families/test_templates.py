"""Templates: what a record may say, what every instance keeps to, and what a slip is told."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import TaskError, UserError
from mathreason_eval.families.stories.story import draw_entities, draw_numbers, tell
from mathreason_eval.families.stories.templates import read_dictionaries, read_template
from mathreason_eval.families.stories.units import UNITS, format_number

SALE = """\
id: sale
who: {who: person, thing: ware}
draw: {price: 2..9 by 0.5 money, bought: 3..12, share: 10..50 by 10 percent}
steps:
  - full = price * bought money
  - saved = full * share money
  - paid = full - saved money
where: [saved > 1]
text: |
  {Thing.a} costs ${price}, and {who} buys {bought} {thing.many}.
  {Who.he} pays {share} less.
  How many dollars does {who} pay?
"""
ENTITIES = read_dictionaries(
    {
        "person": [{"name": ["Ada", "Bea"], "he": "she"}, {"name": "Cem", "he": "he"}],
        "ware": [{"one": "owl", "a": "an owl", "many": "owls"}],
    }
)


def story_of(text, seed=0):
    template = read_template(yaml.safe_load(text))
    source = Random(seed)
    return tell(template, draw_numbers(template, source), draw_entities(template, ENTITIES, source))


def test_the_same_numbers_and_names_tell_the_same_story():
    template = read_template(yaml.safe_load(SALE))
    numbers = {
        "price": Fraction(5, 2), "bought": 4, "share": Fraction(1, 10),
        "full": 10, "saved": 1, "paid": 9,
    }  # fmt: skip
    ada, owl = ENTITIES["person"][0], ENTITIES["ware"][0]
    story = tell(template, numbers, {"who": ada, "thing": owl})
    assert story.question == (
        "An owl costs $2.50, and Ada buys 4 owls. She pays 10% less. How many dollars does Ada pay?"
    )
    assert (story.gold, story.steps[0]) == ("9", ("2.5 * 4", "10"))


@pytest.mark.slow
@given(st.integers())
def test_every_draw_keeps_the_rules_of_its_template(seed):
    template = read_template(yaml.safe_load(SALE))
    numbers = draw_numbers(template, Random(seed))
    assert numbers["paid"] == numbers["price"] * numbers["bought"] * (1 - numbers["share"])
    assert numbers["saved"] > 1
    assert all(value > 0 and 100 % value.denominator == 0 for value in numbers.values())


def test_names_are_drawn_apart_from_numbers():
    template = read_template(yaml.safe_load(SALE))
    assert draw_numbers(template, Random(1)) == draw_numbers(template, Random(1))
    people = {draw_entities(template, ENTITIES, Random(i))["who"]["name"] for i in range(30)}
    assert people == {"Ada", "Bea", "Cem"}


def test_two_slots_are_never_filled_alike():
    template = read_template(yaml.safe_load(SALE.replace("ware}", "person, other: person}").replace(
        "{Thing.a} costs ${price}, and {who} buys {bought} {thing.many}",
        "{who}, {thing} and {other} buy {bought} owls for ${price} each")))  # fmt: skip
    for seed in range(30):
        drawn = draw_entities(template, ENTITIES, Random(seed))
        assert len({entity["name"] for entity in drawn.values()}) == 3


# fmt: off
SLIPS = [
    # what is replaced,             by what,                              what the error says
    ("text: |",                     "txt: |",                             "txt"),
    ("steps:",                      "draw2: {}\nsteps:",                  "draw2"),
    ("  - full = price * bought money\n", "",                             "'full' is not defined"),
    ("full * share",                "full ** share",                      "not one of"),
    ("full * share",                "__import__('os')",                   "not one of"),
    ("full * share",                "full * share * 2",                   "not one of"),
    ("bought: 3..12",               "bought: 3..",                        "cannot be read"),
    ("bought: 3..12",               "bought: 12..3",                      "has no value that"),
    ("bought: 3..12",               "bought: 2..3 by 0.5",                "has no value that"),
    ("bought: 3..12",               "bought: 3..12 by 0",                 "ZeroDivisionError"),
    ("bought: 3..12, share",        "bought: 3..12, who: 2..3, share",    "defined twice"),
    ("{bought} ",                   "",                                   "bought is needed"),
    ("{share} less",                "{share} or {saved} less",            "saved is to be comp"),
    ("  - paid = full - saved money\n", "  - paid = full - price money\n", "saved is not used"),
    ("{thing.many}",                "{thing.many",                        "belongs to no slot"),
    ("{Who.he} pays",               "{Person.he} pays",                   ".person. is not def"),
    ("{who: person, ",              "{you: person, who: person, ",        "you does not appear"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "says"), SLIPS)
def test_a_slip_in_a_template_is_found_before_anything_is_drawn(old, new, says):
    assert old in SALE
    with pytest.raises(UserError, match=says):
        read_template(yaml.safe_load(SALE.replace(old, new)))


# fmt: off
DRAWN_SLIPS = [
    ("saved > 1",     "saved > 1000", "has no numbers that"),
    ("{who.he}",      "{who.shoe}",   "needs 'shoe' of"),
    ("thing: ware}",  "thing: wear}", "wear"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "says"), DRAWN_SLIPS)
def test_what_only_drawing_can_find_is_a_clear_error_too(old, new, says):
    text = SALE.replace("{Who.he} pays", "Then {who.he} pays")
    assert old in text
    with pytest.raises(UserError, match=says):
        story_of(text.replace(old, new))


def test_a_dictionary_that_is_too_small_says_so():
    text = SALE.replace("ware}", "ware, more: ware}").replace("{thing.many}", "{thing.many} {more}")
    with pytest.raises(TaskError, match="needs more of ware"):
        story_of(text)


# fmt: off
SPELLINGS = [
    # unit,      value,              printed
    ("count",    12,                 "12"),
    ("count",    1234,               "1234"),
    ("money",    12,                 "12"),
    ("money",    Fraction(25, 2),    "12.50"),
    ("money",    Fraction(1, 20),    "0.05"),
    ("decimal",  Fraction(5, 2),     "2.5"),
    ("percent",  Fraction(1, 4),     "25%"),
    ("percent",  Fraction(1, 8),     "12.5%"),
    ("part",     Fraction(1, 2),     "half"),
    ("part",     Fraction(1, 3),     "a third"),
    ("part",     Fraction(3, 4),     "three quarters"),
    ("times",    2,                  "twice"),
    ("times",    3,                  "three times"),
    ("words",    7,                  "seven"),
]
# fmt: on


@pytest.mark.parametrize(("unit", "value", "printed"), SPELLINGS)
def test_a_value_is_printed_as_its_unit_says(unit, value, printed):
    assert UNITS[unit].format(value) == printed


# fmt: off
SENSELESS = [
    ("count",   0), ("count", -1), ("count", Fraction(1, 2)), ("money", Fraction(1, 3)),
    ("money",   0), ("part", 1), ("part", Fraction(1, 7)), ("times", 1), ("words", 13),
]
# fmt: on


@pytest.mark.parametrize(("unit", "value"), SENSELESS)
def test_a_value_that_makes_no_sense_in_its_unit_is_never_told(unit, value):
    assert not UNITS[unit].is_valid(value)


@pytest.mark.slow
@given(st.fractions(0, 10**9, max_denominator=1000))
def test_an_exact_spelling_is_read_back_as_the_same_number(value):
    assert Fraction(format_number(value)) == value
