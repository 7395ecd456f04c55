"""Words in answers: numbers in words, and English words that are neither mathematics nor units."""

from __future__ import annotations


def these(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def _listed(text: str) -> list[str]:
    return text.split()


_SMALL = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
NUMBERS = {word: number for number, word in enumerate(_SMALL)} | {
    word: 10 * number for number, word in enumerate(_TENS, start=2)
}
"""English numbers of one word."""
_ELSEWHERE = """
eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn \
siebzehn achtzehn neunzehn zwanzig
un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept \
dix-huit dix-neuf vingt
uno dos tres cuatro cinco seis siete ocho nueve diez -- doce trece catorce quince dieciséis \
diecisiete dieciocho diecinueve veinte
-- due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici \
sedici diciassette diciotto diciannove venti
um dois três quatro cinco seis sete oito nove dez -- doze treze quatorze quinze dezesseis \
dezessete dezoito dezenove vinte
один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать \
четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать двадцать
"""
"""A language a line: German, French, Spanish, Italian, Portuguese, Russian; from 1."""
FOREIGN = {
    word: number
    for language in _ELSEWHERE.strip().splitlines()
    for number, word in enumerate(language.split(), start=1)
    if word != "--"
}
"""Numbers up to 99 in other languages; `once` is left out, which is a word of English."""
_TENS_ELSEWHERE = {
    "de": _listed("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"),
    "fr": _listed("vingt trente quarante cinquante soixante"),
    "es": _listed("-- treinta cuarenta cincuenta sesenta setenta ochenta noventa"),
    "it": _listed("venti trenta quaranta cinquanta sessanta settanta ottanta novanta"),
    "pt": _listed("vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"),
    "ru": _listed("двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"),
}
_UNITS_ELSEWHERE = {
    "de": _listed("ein zwei drei vier fünf sechs sieben acht neun"),
    "es": _listed("uno dos tres cuatro cinco seis siete ocho nueve"),
    "it": _listed("uno due tre quattro cinque sei sette otto nove"),
    "pt": _listed("um dois três quatro cinco seis sete oito nove"),
    "ru": _listed("один два три четыре пять шесть семь восемь девять"),
}
_JOINED = {"de": "{one}und{ten}", "es": "{ten} y {one}", "pt": "{ten} e {one}", "ru": "{ten} {one}"}
_ACCENTED = {"dos": "dós", "tres": "trés", "seis": "séis"}


def _up_to_hundred() -> dict[str, int]:
    """Return the numbers from 20 to 99 in the languages of the tables."""
    found = {
        ten: 10 * tens
        for row in _TENS_ELSEWHERE.values()
        for tens, ten in enumerate(row, start=2)
        if ten != "--"
    }
    for language, pattern in _JOINED.items():
        for tens, ten in enumerate(_TENS_ELSEWHERE[language], start=2):
            for units, one in enumerate(_UNITS_ELSEWHERE[language], start=1):
                found[pattern.format(ten=ten, one=one)] = 10 * tens + units
    for units, one in enumerate(_UNITS_ELSEWHERE["es"], start=1):
        found[f"veinti{_ACCENTED.get(one, one)}"] = 20 + units
    for tens, ten in enumerate(_TENS_ELSEWHERE["it"], start=2):
        for units, one in enumerate(_UNITS_ELSEWHERE["it"], start=1):
            stem = ten[:-1] if one[0] in "uo" else ten
            found[stem + ("tré" if one == "tre" else one)] = 10 * tens + units
            found[stem + one] = 10 * tens + units
    return found | _in_french()


_VIGESIMAL = 60
"""From here on French counts up to nineteen."""


def _in_french() -> dict[str, int]:
    """Return the French numbers from 20 to 99, with hyphens and with spaces."""
    below = _ELSEWHERE.strip().splitlines()[1].split()
    found: dict[str, int] = {"quatre-vingts": 80}
    stems = [*zip(_TENS_ELSEWHERE["fr"], range(20, 70, 10), strict=True), ("quatre-vingt", 80)]
    for stem, start in stems:
        for units, one in enumerate(below[: 19 if start >= _VIGESIMAL else 9], start=1):
            joint = " et " if one in {"un", "onze"} and start != 80 else "-"  # noqa: PLR2004
            found[f"{stem}{joint}{one}"] = start + units
    return (
        found
        | {name.replace("-", " "): number for name, number in found.items()}
        | {name.replace(" et ", "-et-"): number for name, number in found.items()}
    )


FOREIGN |= _up_to_hundred()
SCALES = {"hundred": 100, "thousand": 1000, "lakh": 10**5, "lakhs": 10**5, "million": 10**6,
          "millions": 10**6, "crore": 10**7, "crores": 10**7, "billion": 10**9,
          "trillion": 10**12, "k": 1000, "万": 10**4, "亿": 10**8}  # fmt: skip
"""Words that multiply the number before them rather than measure it."""
GROUPS = {"dozen": 12, "dozens": 12, "pair": 2, "pairs": 2, "couple": 2, "couples": 2}
"""Words for groups. The grader reads only `dozen` as a number, and as a unit."""
FRACTIONS = {"half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5,
             "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}  # fmt: skip
"""Denominators in words."""
BASES = {"hex": 16, "bin": 2} | {
    word: NUMBERS[word]
    for word in these("two three four five six seven eight nine ten twelve sixteen")
}
"""Names of the bases of numerals."""
CHINESE_DIGITS = dict(zip("〇零一二三四五六七八九两", (0, *range(10), 2), strict=True))
CHINESE_PLACES = {"十": 10, "百": 100, "千": 1000}

QUALIFIERS = these("where for if when with such given provided whenever assuming because since as")
"""Words after which an answer is explained or restricted."""

CONDITIONS = these("if when whenever provided assuming given")
"""Qualifiers that change what is claimed."""

FILLERS = these(
    "only exactly approximately about roughly nearly circa is are equals equal the a an answer "
    "value values solution solutions final result therefore thus so hence either all both of"
)
"""Words without meaning that may precede an answer."""

NEVER_UNITS = these(
    "not no none neither nor is isn't are aren't wrong false incorrect less more than at least "
    "most greater fewer between but unless except without never over under up down if when then "
    "minus plus times divided squared cubed undefined infinite infinitely impossible cannot "
    "to from does doesn't don't do only else otherwise positive negative even odd prime"
)
"""Words that change the meaning of their neighbours, so they are never dropped like a unit."""

ADJECTIVES = these("positive negative even odd prime infinite")
"""Of them, those that may describe what a number counts: `80 positive integers`."""

DECREASES = these("decrease decline drop reduction fall loss discount decreased")
"""Words next to an amount, in the singular, that make it a negative change."""

NEVER_COUNTED = these(
    "ate bought buy buys contains cost costs earn earned earns eat eats need needs paid pay pays "
    "sell sells sold spend spends spent take takes took weigh weighs "
    "a an and are as at be because but by can choose divided each equals every for from gave get "
    "gives giving got had has have he hence her his how if in into is it its left makes mod more "
    "my no not note now of off on or our out over percent plus minus she since so than that the "
    "their them then there therefore they this thus times to total was we were what when where "
    "which while will with you your"
)
"""Verbs and function words, which are never the unit of a number: `18 eggs are left`."""

SHORT_WORDS = these(
    "the is are of to on at by an and or not no yes so if be it as in odd may sum per day all any "
    "one two ten six red cat dog men man boy old new his her its box way ways pen cup car cm mm km "
    "kg mg ml ft mi hr sec min lb lbs oz mph kph kwh usd eur gbp rmb rs mol rad deg sq cu bus pie "
    "bag hat ice egg win won pay age ago was has had can you we he she mon tue wed thu fri sat "
    "jan feb mar apr jun jul aug sep oct nov dec nan ton tie aces pct none east west"
)
"""Short words, and others that look like a product of letters but are not."""
