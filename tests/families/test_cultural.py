"""The same stories in many cultures: the same numbers, other words, and every word in its place."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
import yaml
from generated import families_of
from project import ROOT

from mathreason_eval.tasks import load_task
from mathreason_eval.tasks.datasets import content_hash

FOLDER = ROOT / "tasks" / "word-problems-cultural"
SPECS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((FOLDER / "cultures").glob("*.yaml"))
}
OF_THE_PAPER = {"haiti", "moldova", "pakistan", "solomon-islands", "somalia", "suriname"}
CULTURES = ["original", *sorted(SPECS.keys() - {"original"})]
STORIES = 400

# fmt: off
CURRENCIES = [
    ("original", "dollars"), ("ethiopia", "birr"), ("georgia", "lari"), ("haiti", "gourdes"),
    ("kenya", "shillings"), ("mexico", "pesos"), ("moldova", "lei"), ("morocco", "dirhams"),
    ("nigeria", "naira"), ("pakistan", "rupees"), ("peru", "soles"), ("solomon-islands", "dollars"),
    ("somalia", "shillings"), ("suriname", "dollars"), ("uzbekistan", "soum"), ("vietnam", "dong"),
]
# fmt: on


@pytest.fixture(scope="module")
def families():
    return families_of("word-problems-cultural", STORIES, len(CULTURES))


# --- dictionaries ----------------------------------------------------------------------------


def expanded(spec):
    """Return for each kind the forms of its entities: all forms but the first are shared."""
    entities = {}
    for kind, entries in spec.items():
        entities[kind] = []
        for entry in entries:
            (usual, first), *others = entry.items()
            names = [first] if isinstance(first, str) else first
            entities[kind] += [{usual: name, **dict(others)} for name in names]
    return entities


def test_the_cultures_of_the_paper_and_more_are_there():
    assert set(SPECS) > OF_THE_PAPER
    assert len(set(SPECS) - OF_THE_PAPER - {"original"}) >= 6


@pytest.mark.parametrize("culture", CULTURES[1:])
def test_a_dictionary_lists_what_the_original_lists(culture):
    ours, original = expanded(SPECS[culture]), expanded(SPECS["original"])
    assert [*ours] == [*original]
    for kind, entities in ours.items():
        forms = [[*entity] for entity in entities]
        assert forms == [[*entity] for entity in original[kind]], kind
    pronouns = [person["he"] for person in ours["person"]]
    assert pronouns == [person["he"] for person in original["person"]]


@pytest.mark.parametrize("culture", CULTURES)
def test_no_two_entries_of_a_dictionary_are_alike(culture):
    for kind, entities in expanded(SPECS[culture]).items():
        names = [next(iter(entity.values())) for entity in entities]
        assert len(set(names)) == len(names), kind


@pytest.mark.parametrize("culture", CULTURES)
def test_an_entry_has_no_numeral_no_brace_and_the_right_article(culture):
    for kind, entities in expanded(SPECS[culture]).items():
        for word in (word for entity in entities for word in entity.values()):
            assert not re.search(r"[\d{}$%]", word), (kind, word)
            assert word == " ".join(word.split())
            # `áo dài` begins with a vowel too.
            assert not re.match(r"a [aeiouáAEIOU]|an [^aeiouáAEIOU]", word), (kind, word)


def test_a_name_belongs_to_one_culture():
    names = [person["name"] for spec in SPECS.values() for person in expanded(spec)["person"]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("culture", "money"), CURRENCIES)
def test_a_currency_is_the_country_s(culture, money):
    assert SPECS[culture]["currency"] == [{"many": money}]


def test_every_kind_is_told_and_every_form_is_used():
    records = [
        record
        for path in (FOLDER / "templates").glob("*.yaml")
        for record in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    used = set()
    for record in records:
        for slot, kind in record["who"].items():
            forms = re.findall(rf"\{{{slot}(?:\.([a-z]+))?\}}", record["text"], re.IGNORECASE)
            used |= {(kind, form) for form in forms}
    for kind, entities in expanded(SPECS["original"]).items():
        usual, *others = entities[0]
        assert {(kind, ""), (kind, usual)} & used, kind
        assert {(kind, form) for form in others} <= used


# --- stories ---------------------------------------------------------------------------------


def test_a_change_of_any_item_is_a_new_version(families):
    # Whoever changes this raises `version` in task.yaml: scores of other items are other scores.
    assert load_task("word-problems-cultural").version == 1
    first = [problem for family in families[:56] for problem in family]
    assert content_hash(first) == "1cb767126535751da6ead6c3a92b00319ab17310d9588eaeec72145ef3b95332"


def test_a_family_is_one_story_in_every_culture(families):
    for original, *others in families:
        assert [problem.meta["culture"] for problem in (original, *others)] == CULTURES
        assert (original.origin, original.variant) == (None, None)
        assert [other.variant for other in others] == CULTURES[1:]
        assert {other.origin for other in others} == {original.id}


def test_numerals_and_golds_are_untouched(families):
    for original, *others in families:
        numerals = re.findall(r"\d+(?:\.\d+)?%?", original.question)
        assert numerals
        for other in others:
            assert re.findall(r"\d+(?:\.\d+)?%?", other.question) == numerals
            assert (other.gold, other.meta["solution"]) == (
                original.gold,
                original.meta["solution"],
            )


PRONOUN = re.compile(r"\b(?:she|he|her|his|him)\b", re.IGNORECASE)


def test_a_person_keeps_her_or_his_pronouns(families):
    for family in families:
        told = {tuple(PRONOUN.findall(problem.question)) for problem in family}
        assert len(told) == 1, family[0].question


def proper_names(culture):
    entities = (entity for group in expanded(SPECS[culture]).values() for entity in group)
    return {name for entity in entities for name in entity.values() if name[0].isupper()}


@pytest.mark.slow
def test_no_name_of_another_culture_is_told(families):
    everywhere = set().union(*map(proper_names, CULTURES))
    strangers = {
        culture: re.compile(rf"\b(?:{'|'.join(sorted(everywhere - proper_names(culture)))})\b")
        for culture in CULTURES
    }
    for problem in (problem for family in families for problem in family):
        assert not strangers[problem.meta["culture"]].search(problem.question), problem.question


def test_no_question_stands_twice(families):
    questions = {problem.question for family in families for problem in family}
    assert len(questions) == STORIES * len(CULTURES)


def test_every_step_is_right_and_the_last_one_is_the_gold(families):
    signs = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__,
             "/": Fraction.__truediv__}  # fmt: skip
    for original, *_ in families:
        steps = original.meta["solution"].split("; ")
        assert len(steps) == original.meta["steps"]
        for step in steps:
            left, sign, right, result = re.fullmatch(r"(\S+) (\S) (\S+) = (\S+)", step).groups()
            one, other = Fraction(left.strip("()")), Fraction(right.strip("()"))
            assert signs[sign](one, other) == Fraction(result)
        assert original.gold == (result,)


# A two that a story tells in words, and the words for parts and times.
WORDS = {
    "twice": "2", "three times": "3", "four times": "4", "two of them": "2", "half": "1/2",
    "a third": "1/3", "two thirds": "2/3", "a quarter": "1/4", "three quarters": "3/4",
    "two fifths": "2/5",
}  # fmt: skip


def test_every_number_of_the_solution_is_told_or_found_before(families):
    for original, *_ in families:
        told = {Fraction(number) for number in re.findall(r"\d+", original.question)}
        told |= {number / 100 for number in told if "%" in original.question}
        told |= {Fraction(part) for word, part in WORDS.items() if word in original.question}
        for step in original.meta["solution"].split("; "):
            left, _, right, _, result = step.split(" ")
            assert {Fraction(left.strip("()")), Fraction(right.strip("()"))} <= told, original
            told.add(Fraction(result))


def test_golds_are_positive_whole_numbers(families):
    assert all(re.fullmatch(r"[1-9]\d*", family[0].gold[0]) for family in families)


# fmt: off
UNGRAMMATICAL = [
    (r"[{}]",                              "a brace is left over"),
    (r"\b[Aa] [aeiouáAEIOU]",              "`a` before a vowel"),
    (r"\b[Aa]n [^aeiouáAEIOU]",            "`an` before a consonant"),
    (r"\b1 [a-z]+s\b",                     "one of many"),
    (r"\b(\w+) \1\b",                      "a word twice"),
    (r"  | [.,?]|\.\.",                    "a stray space or stop"),
    (r"(?:^|[.?] )[a-z]",                  "a sentence begins small"),
    (r"\b0\b",                             "nothing of something"),
    (r"\?.",                               "a question that is not the last"),
    (r"\bthe the\b|\bthe a\b|\ba the\b",   "two articles"),
    (r"s's\b|(?<!farmers)'(?!s\b)",                 "a possessive that is none"),
]
# fmt: on


@pytest.mark.parametrize(("pattern", "what"), UNGRAMMATICAL)
def test_no_story_is_ungrammatical(families, pattern, what):
    questions = [problem.question for family in families for problem in family]
    assert [question for question in questions if re.search(pattern, question)] == [], what
