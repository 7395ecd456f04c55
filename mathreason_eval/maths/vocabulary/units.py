"""Units of measure and currencies: their dimension and their size."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.vocabulary.words import SCALES


class Unit(NamedTuple):
    """A unit: its dimension as sorted (base, power) pairs, and its size in base units."""

    dimension: tuple[tuple[str, int], ...]
    size: Fraction


_MEASURES = """
m meter metre meters metres | L 1
km kilometer kilometers kilometre kilometres kms | L 1000
cm centimeter centimeters centimetre centimetres cms | L 1/100
dm decimeter decimeters decimetre decimetres | L 1/10
mm millimeter millimeters millimetre millimetres | L 1/1000
µm μm um micrometer micrometers micron microns | L 1/1000000
nm nanometer nanometers | L 1/1000000000
inch inches | L 127/5000
ft foot feet | L 381/1250
yd yds yard yards | L 1143/1250
mi mile miles | L 201168/125
g gram grams | M 1
kg kgs kilogram kilograms kilo kilos | M 1000
mg milligram milligrams | M 1/1000
µg μg ug microgram micrograms | M 1/1000000
ton tons tonne tonnes | M 1000000
lb lbs pound-mass | M 45359237/100000
oz ounce ounces | M 45359237/1600000
s sec secs second seconds | T 1
ms millisecond milliseconds | T 1/1000
µs μs us microsecond microseconds | T 1/1000000
min mins minute minutes | T 60
h hr hrs hour hours | T 3600
day days | T 86400
week weeks wk wks | T 604800
month months | Mo 1
year years yr yrs | Mo 12
l liter liters litre litres L | L3 1/1000
ml mL cc milliliter milliliters millilitre millilitres | L3 1/1000000
dl dL deciliter deciliters | L3 1/10000
gallon gallons gal | L3 473176473/125000000000
quart quarts | L3 473176473/500000000000
pint pints | L3 473176473/1000000000000
cup cups | L3 473176473/2000000000000
acre acres | L2 316160658/78125
hectare hectares ha | L2 10000
mph | L/T 1397/3125
kph kmh kmph | L/T 5/18
N newton newtons | F 1
J joule joules | W 1
kJ kilojoule kilojoules | W 1000
W watt watts | P 1
kW kilowatt kilowatts | P 1000
kWh kwh | W 3600000
V volt volts | V 1
ohm ohms | Ohm 1
A amp amps ampere amperes | A 1
Hz hertz | /T 1
Pa pascal pascals | Pr 1
mol mole moles | n 1
K kelvin | K 1
rad radian radians | 1
"""
"""Names | dimension as powers of bases, size in base units."""
_CURRENCIES = """
dollar dollars usd USD $ bucks | USD 1
cent cents ¢ | USD 1/100
euro euros eur EUR € | EUR 1
yuan rmb RMB CNY 元 | CNY 1
yen jpy JPY ¥ | JPY 1
gbp GBP £ quid | GBP 1
pence penny | GBP 1/100
rupee rupees rs Rs INR PKR pkr LKR NPR ₹ ₨ | INR 1
gourde gourdes HTG | HTG 1
leu lei MDL RON | RON 1
naira nairas NGN ₦ | NGN 1
shilling shillings KES KSh Ksh SOS TZS UGX | KES 1
birr ETB | ETB 1
dirham dirhams MAD AED | MAD 1
peso pesos MXN PHP COP ARS CLP ₱ | MXN 1
soles PEN | PEN 1
lari GEL ₾ | GEL 1
dong VND ₫ | VND 1
som UZS KGS | UZS 1
ruble rubles rouble roubles RUB ₽ | RUB 1
baht THB ฿ | THB 1
taka BDT ৳ | BDT 1
rand ZAR | ZAR 1
lira liras TRY ₺ | TRY 1
shekel shekels ILS ₪ | ILS 1
hryvnia hryvnias UAH ₴ | UAH 1
franc francs CHF XOF XAF | CHF 1
cedi cedis GHS ₵ | GHS 1
dinar dinars KWD IQD | KWD 1
rupiah IDR | IDR 1
ringgit MYR | MYR 1
krona kronor krone kroner SEK NOK DKK | SEK 1
zloty zlotys PLN | PLN 1
SBD SRD CAD AUD NZD SGD HKD | USD 1
KRW ₩ | KRW 1
"""
"""The same for money. Currencies of one name are one: a dollar is a dollar of any country."""
PERCENT = frozenset(["percent", "per cent", "percentage", "pct", "percents", "percentages"])
DEGREE = frozenset(["degree", "degrees", "deg", "度"])


def _dimension(text: str) -> tuple[tuple[str, int], ...]:
    powers: dict[str, int] = {}
    for index, part in enumerate(text.split("/")):
        for base, power in re.findall(r"([A-Za-z]+)(\d?)", part):
            powers[base] = powers.get(base, 0) + (1 if not index else -1) * int(power or 1)
    return tuple(sorted(powers.items()))


def _units(lines: str) -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for line in lines.strip().splitlines():
        names, _, meaning = line.partition(" | ")
        *dimension, size = meaning.split()
        unit = Unit(_dimension(" ".join(dimension)), Fraction(size))
        table.update(dict.fromkeys(names.split(), unit))
    return table


_MONEY = _units(_CURRENCIES)
_UNITS = _units(_MEASURES) | _MONEY
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
MONEY = "".join(sign for sign in _MONEY if unicodedata.category(sign[0]) == "Sc")
"""Signs of currencies."""
WHOLE_MONEY = "".join(sign for sign in MONEY if _MONEY[sign].size == 1)
"""Of them, those that precede an amount: not the sign of the cent."""
_PART = re.compile(
    r"(?P<word>[^\W\d_]+|[" + MONEY + r"])(?:\s*\^\s*\{?(?P<power>-?\d)\}?)?|(?P<slash>/)"
)


def is_unit(word: str) -> bool:
    """Return whether a word is the name of a unit, in its own case or capitalised."""
    return word in _UNITS or (len(word) > 2 and word.lower() in _UNITS)  # noqa: PLR2004


def is_currency(word: str) -> bool:
    """Return whether a word is the name or the code of a currency: `naira`, `PKR`."""
    return word in _MONEY or word.lower() in _MONEY


def scale_of(name: str) -> tuple[int, str]:
    """Return the factor of leading words such as `million`, and the rest of the name."""
    factor = 1
    words = name.split()
    while words and words[0].lower() in SCALES:
        factor *= SCALES[words.pop(0).lower()]
    return factor, " ".join(words)


@lru_cache(maxsize=1024)
def unit_of(name: str) -> Unit | None:
    """Return what a unit's name means, or None if any part of it is not in the table."""
    powers: dict[str, int] = {}
    size = Fraction(1)
    sign, pending = 1, 1
    for part in _PART.finditer(re.sub(r"\bper\b", "/", name)):
        if part["slash"]:
            sign = -1
            continue
        if part["word"].lower() in _POWERS:
            pending = _POWERS[part["word"].lower()]
            continue
        unit = _UNITS.get(part["word"]) or _UNITS.get(part["word"].lower())
        if unit is None:
            return None
        power = sign * pending * int(part["power"] or 1)
        pending = 1
        size *= unit.size**power
        for base, base_power in unit.dimension:
            powers[base] = powers.get(base, 0) + base_power * power
    dimension = tuple(sorted((base, power) for base, power in powers.items() if power))
    return Unit(dimension, size)
