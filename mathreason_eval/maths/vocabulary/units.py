"""Units of measure and currencies: their dimension and their size."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from mathreason_eval.maths.vocabulary.words import SCALES, these


class Unit(NamedTuple):
    """A unit: its dimension as sorted (base, power) pairs, and its size in base units."""

    dimension: tuple[tuple[str, int], ...]
    size: Fraction
    issuer: str = ""
    """Whose money it is; "" where the name does not say, and for what is no money."""


_MEASURES = """
m meter metre meters metres м метр метра метров Meter metro metros mètre mètres 米 | L 1
メートル मीटर | L 1
dam decameter decameters decametre decametres | L 10
hm hectometer hectometers hectometre hectometres | L 100
km kilometer kilometers kilometre kilometres kms км километр километра километров kilómetro | L 1000
Kilometer kilómetros kilomètre kilomètres quilómetro quilómetros chilometri 公里 千米 | L 1000
cm centimeter centimeters centimetre centimetres cms см сантиметр сантиметров Zentimeter | L 1/100
centímetro centímetros centimètre centimètres 厘米 सेंटीमीटर | L 1/100
dm decimeter decimeters decimetre decimetres дм 分米 | L 1/10
mm millimeter millimeters millimetre millimetres мм миллиметр миллиметров Millimeter 毫米 | L 1/1000
µm μm um micrometer micrometers micron microns | L 1/1000000
nm nanometer nanometers | L 1/1000000000
inch inches дюйм дюймов pulgada pulgadas 英寸 | L 127/5000
ft foot feet фут футов | L 381/1250
yd yds yard yards | L 1143/1250
mi mile miles миля миль milla millas 英里 | L 201168/125
lightyear lightyears | L 9460730472580800
nmi | L 1852
furlong furlongs | L 25146/125
fathom fathoms | L 1143/625
g gram grams г грамм грамма граммов Gramm gramo gramos gramme grammes 克 ग्राम | M 1
kg kgs kilogram kilograms kilo kilos кг килограмм килограммов Kilogramm kilogramo | M 1000
kilogramos kilogrammes 千克 公斤 | M 1000
mg milligram milligrams мг 毫克 | M 1/1000
µg μg ug microgram micrograms | M 1/1000000
cg centigram centigrams | M 1/100
dg decigram decigrams | M 1/10
dag decagram decagrams | M 10
hg hectogram hectograms | M 100
quintal quintals ц | M 100000
ton tons tonne tonnes т тонна тонн Tonnen 吨 | M 1000000
lb lbs pound-mass | M 45359237/100000
ozt | M 19439675/625000
oz ounce ounces | M 45359237/1600000
s sec secs second seconds с сек секунда секунд Sekunde Sekunden segundo segundos seconde | T 1
secondes 秒 秒钟 | T 1
ns nanosecond nanoseconds | T 1/1000000000
ms millisecond milliseconds мс | T 1/1000
µs μs us microsecond microseconds | T 1/1000000
min mins minute minutes мин минута минуты минут Minute Minuten minuto | T 60
minutos minuti 分钟 分鐘 | T 60
h hr hrs hour hours ч час часа часов Stunde Stunden hora horas heure heures ore ora | T 3600
小时 小時 時間 घंटे घंटा saat jam giờ | T 3600
day days день дня дней Tag Tage Tagen día días jour jours dia dias 天 日 दिन | T 86400
week weeks wk wks неделя недель Woche Wochen semana semanas semaine semaines 周 | T 604800
fortnight fortnights | T 1209600
month months месяц месяца месяцев Monat Monate mes meses mois 个月 月 | Mo 1
year years yr yrs год года лет Jahr Jahre Jahren año años an ans ano anos anni 年 岁 साल | Mo 12
decade decades | Mo 120
century centuries | Mo 1200
l liter liters litre litres L л литр литра литров Liter litro litros 升 | L3 1/1000
ml mL cc milliliter milliliters millilitre millilitres мл 毫升 | L3 1/1000000
cl cL centiliter centiliters centilitre centilitres | L3 1/100000
hl hL hectoliter hectoliters hectolitre hectolitres | L3 1/10
kl kL kiloliter kiloliters kilolitre kilolitres | L3 1
dl dL deciliter deciliters | L3 1/10000
gallon gallons gal | L3 473176473/125000000000
impgal | L3 454609/100000000
floz | L3 473176473/16000000000000
quart quarts | L3 473176473/500000000000
pint pints | L3 473176473/1000000000000
cup cups | L3 473176473/2000000000000
acre acres | L2 316160658/78125
hectare hectares ha га гектар | L2 10000
mph | L/T 1397/3125
kph kmh kmph | L/T 5/18
knot knots | L/T 463/900
N newton newtons Н | LM/T2 1000
kN kilonewton kilonewtons | LM/T2 1000000
J joule joules Дж | L2M/T2 1000
kJ kilojoule kilojoules кДж | L2M/T2 1000000
MJ megajoule megajoules | L2M/T2 1000000000
cal calorie calories | L2M/T2 4184
kcal kilocalorie kilocalories | L2M/T2 4184000
W watt watts Вт | L2M/T3 1000
kW kilowatt kilowatts кВт | L2M/T3 1000000
MW megawatt megawatts | L2M/T3 1000000000
GW gigawatt gigawatts | L2M/T3 1000000000000
mW milliwatt milliwatts | L2M/T3 1
Wh watt-hour watt-hours | L2M/T2 3600000
kWh kwh | L2M/T2 3600000000
V volt volts В | L2M/T3I 1000
kV kilovolt kilovolts | L2M/T3I 1000000
mV millivolt millivolts | L2M/T3I 1
kohm kiloohm kiloohms kilohm kilohms kΩ | L2M/T3I2 1000000
ohm ohms Ω Ом | L2M/T3I2 1000
A amp amps ampere amperes | I 1
mA milliamp milliamps | I 1/1000
µA μA microamp microamps | I 1/1000000
C coulomb coulombs | TI 1
F farad farads | T4I2/L2M 1/1000
T tesla teslas | M/T2I 1000
Wb weber webers | L2M/T2I 1000
henry henries | L2M/T2I2 1000
siemens | T3I2/L2M 1/1000
Hz hertz Гц | /T 1
kHz kilohertz | /T 1000
MHz megahertz | /T 1000000
GHz gigahertz | /T 1000000000
Pa pascal pascals Па | M/LT2 1000
kPa kilopascal kilopascals | M/LT2 1000000
hPa hectopascal hectopascals mbar millibar millibars | M/LT2 100000
MPa megapascal megapascals | M/LT2 1000000000
GPa gigapascal gigapascals | M/LT2 1000000000000
bar | M/LT2 100000000
mmHg torr | M/LT2 2533125/19
atm atmosphere atmospheres | M/LT2 101325000
mmol millimole millimoles | n 1/1000
mol mole moles моль | n 1
K kelvin kelvins | K 1
rad radian radians радиан радиана | ang 1
bit bits | B 1
byte bytes | B 8
kB KB kilobyte kilobytes | B 8000
MB megabyte megabytes | B 8000000
GB gigabyte gigabytes | B 8000000000
TB terabyte terabytes | B 8000000000000
dozen dozens дюжина дюжины Dutzend docena docenas | 12
"""
"""Names | dimension as powers of bases (L in m, M in g, T in s, I in A), size in base units.
Capitals are base quantities; N is a product of them, so 5 N is 5 kg m/s^2."""
_CURRENCIES = """
dollar dollars bucks $ dólares dólar доллар долларов 美元 | USD 1
usd USD US$ | USD 1 US
CAD | USD 1 CA
AUD | USD 1 AU
NZD | USD 1 NZ
SGD | USD 1 SG
HKD | USD 1 HK
SBD | USD 1 SB
SRD | USD 1 SR
cent cents ¢ | USD 1/100
euro euros eur EUR € евро 欧元 | EUR 1
yuan rmb RMB CNY 元 块 юань | CNY 1
yen jpy JPY ¥ 円 | JPY 1
gbp GBP £ quid | GBP 1
pence penny | GBP 1/100
rupee rupees rs Rs ₹ ₨ रुपये रुपए रुपया | INR 1
INR | INR 1 IN
PKR pkr | INR 1 PK
LKR | INR 1 LK
NPR | INR 1 NP
gourde gourdes HTG | HTG 1
leu lei | RON 1
MDL | RON 1 MD
RON | RON 1 RO
naira nairas NGN ₦ | NGN 1
shilling shillings KSh Ksh shilingi | KES 1
KES | KES 1 KE
SOS | KES 1 SO
TZS | KES 1 TZ
UGX | KES 1 UG
birr ETB | ETB 1
dirham dirhams | MAD 1
MAD | MAD 1 MA
AED | MAD 1 AE
peso pesos ₱ | MXN 1
MXN | MXN 1 MX
PHP | MXN 1 PH
COP | MXN 1 CO
ARS | MXN 1 AR
CLP | MXN 1 CL
soles PEN | PEN 1
lari GEL ₾ | GEL 1
dong VND ₫ đồng | VND 1
som | UZS 1
UZS | UZS 1 UZ
KGS | UZS 1 KG
ruble rubles rouble roubles RUB ₽ рубль рубля рублей руб | RUB 1
baht THB ฿ บาท | THB 1
taka BDT ৳ টাকা | BDT 1
rand ZAR | ZAR 1
lira liras TRY ₺ | TRY 1
shekel shekels ILS ₪ | ILS 1
hryvnia hryvnias UAH ₴ | UAH 1
franc francs | CHF 1
CHF | CHF 1 CH
XOF | CHF 1 XO
XAF | CHF 1 XA
cedi cedis GHS ₵ | GHS 1
dinar dinars | KWD 1
KWD | KWD 1 KW
IQD | KWD 1 IQ
rupiah IDR | IDR 1
ringgit MYR | MYR 1
krona kronor krone kroner | SEK 1
SEK | SEK 1 SE
NOK | SEK 1 NO
DKK | SEK 1 DK
zloty zlotys PLN | PLN 1
KRW ₩ 원 | KRW 1
"""
"""The same for money, which never converts. A name that several countries use has no issuer and
meets each of them: a dollar is a dollar of any country, but a US dollar is none of Canada."""
PERCENT = frozenset(["percent", "per cent", "percentage", "pct", "percents", "percentages"])
DEGREE = frozenset(["degree", "degrees", "deg", "度"])


def _dimension(text: str) -> tuple[tuple[str, int], ...]:
    powers: dict[str, int] = {}
    for index, part in enumerate(text.split("/")):
        for base, power in re.findall(r"([A-Z]{3}|Mo|ang|[A-Za-z])(\d?)", part):
            powers[base] = powers.get(base, 0) + (1 if not index else -1) * int(power or 1)
    return tuple(sorted(powers.items()))


def _units(lines: str) -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for line in lines.strip().splitlines():
        names, _, meaning = line.partition(" | ")
        words = meaning.split()
        issuer = words.pop() if words[-1].isalpha() else ""
        unit = Unit(_dimension(" ".join(words[:-1])), Fraction(words[-1]), issuer)
        table.update(dict.fromkeys(names.split(), unit))
    return table


_MONEY = _units(_CURRENCIES)
_UNITS = _units(_MEASURES) | _MONEY
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
MONEY = "".join(sign for sign in _MONEY if unicodedata.category(sign[0]) == "Sc")
"""Signs of currencies."""
WHOLE_MONEY = "".join(sign for sign in MONEY if _MONEY[sign].size == 1)
"""Signs of currencies that precede an amount, which excludes the cent sign."""
_PART = re.compile(
    r"(?P<word>[^\W\d_]+|[" + MONEY + r"])(?:\s*\^\s*\{?(?P<power>-?\d)\}?)?|(?P<slash>/)"
)


def is_unit(word: str) -> bool:
    """Return whether a word is the name of a unit, as in the table or capitalised."""
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
    """Return the unit of a name, or None if any part of the name is not in the table."""
    powers: dict[str, int] = {}
    issuer = ""
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
        issuer = issuer or unit.issuer
    dimension = tuple(sorted((base, power) for base, power in powers.items() if power))
    return Unit(dimension, size, issuer)


class Measured(NamedTuple):
    """What stands behind a number: the unit at its beginning or end, and the other words."""

    unit: Unit | None
    words: frozenset[str]
    """In lower case and in the singular, without words that say nothing."""


@lru_cache(maxsize=1024)
def measured(name: str) -> Measured:
    """Return the unit of a name such as `km north` or `US dollars`, and the words next to it."""
    parts = name.split()
    for count in range(len(parts), 0, -1):
        for head, rest in (
            (parts[:count], parts[count:]),
            (parts[-count:], parts[:-count]),
        ):
            if (unit := unit_of(" ".join(head))) is not None:
                return Measured(unit, _nouns(rest))
    return Measured(None, _nouns(parts))


_SAY_NOTHING = these("of the a an in total all altogether per each is are there only unit in on at")


def _nouns(words: Sequence[str]) -> frozenset[str]:
    found = (_singular(word.lower()) for word in words if any(map(str.isalpha, word)))
    return frozenset(found) - _SAY_NOTHING


_SHORTEST = 3
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman",
              "feet": "foot", "mice": "mouse", "geese": "goose", "teeth": "tooth"}  # fmt: skip


def _singular(noun: str) -> str:
    """Return an English noun in the singular, near enough to compare it."""
    for end, instead in (
        ("ies", "y"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("sses", "ss"),
        ("xes", "x"),
    ):
        if noun.endswith(end):
            return noun.removesuffix(end) + instead
    noun = _IRREGULAR.get(noun, noun)
    return noun.removesuffix("s") if len(noun) > _SHORTEST and not noun.endswith("ss") else noun


CONTAINERS = these(
    "pair couple set box bag pack packet package case crate bottle can jar carton bunch group team "
    "row stack pile roll basket bucket tray bundle batch slice cup spoon teaspoon tablespoon piece "
    "half third quarter tenth hundredth"
)
"""Nouns, in the singular, of which one may be several of what they hold, or a part of one."""
