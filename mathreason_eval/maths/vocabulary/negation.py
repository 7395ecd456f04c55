"""Words that deny what is next to them, in the languages that answers come in.

`DENIES` is looked for in the clause before a value, `DENIED` matches what follows one.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.words import these

_BEFORE = {
    "en": r"not|never|all\s+but|no\s+sense|neither|nor|cannot|no\s+longer|except(?:\s+for)?|without"
          r"|unlike|nowhere\s+near|instead\s+of|rather\s+than|other\s+than|anything\s+but|nothing\s+like|far\s+from|none\s+of"
          r"|fails?\s+to\s+be|refus\w+|no\s+way(?!\s+(?:around|to|of|out))|no\s+chance"
          r"|(?:torn|undecided|wavering|hesitat\w+)\s+between|den(?:y|ies|ied)|exclud\w+|eliminat\w+|reject\w*|discard\w*"
          r"|dismiss\w*|rul(?:e|es|ed|ing)\s+out|avoid\w*|differs?\s+from|different\s+from|unequal\s+to",
    "de": r"nicht|keine?[nmrs]?|niemals|weder|statt",
    "fr": r"n['’]est\s+ni\s+\S+(?:,\s+\S+)*\s+ni|ne|n['’]est|pas|jamais",
    "es": r"no\s+(?:es|son|era|puede|podría)|nunca|tampoco",
    "pt": r"não|nunca|nem",
    "it": r"non|né",
    "nl": r"niet|geen|nooit",
    "pl": r"nie",
    "cs": r"není|ne",
    "sv": r"inte|aldrig|ikke|ei|ej",
    "ru": r"не|никогда|ни|нет",
    "uk": r"не|ні",
    "id": r"bukan|tidak",
    "vi": r"không",
    "sw": r"si|sio|siyo",
    "el": r"δεν|όχι",
    "ro": r"nu",
    "hu": r"nem",
    "hr, sr, bs": r"nije|nisu|nikad[a]?|neće|ne\s+može",
    "sk": r"nie\s+je|nikdy",
    "bg, mk": r"не\s+(?:е|са)|никога",
    "ca": r"no\s+(?:és|són|pot)",
    "eu, gl": r"ez\s+da|non\s+é",
    "lt": r"nėra|nebuvo|ne|negali",
    "lv": r"nav|nē|nevar",
    "et": r"ei\s+ole",
    "tl": r"hindi|huwag",
    "ms": r"bukanlah",
    "is": r"ekki|aldrei",
    "sq": r"nuk|s['’]është",
    "cy, ga": r"nid|nad|níl|ní",
    "tr, az": r"değil(?:dir)?|deyil|asla",
    "af": r"nie",
    "hy, ka": r"չէ|ոչ|არ\s+არის|არაა",
}  # fmt: skip
"""Words between word boundaries, by language."""
_BEFORE_UNSPACED = (
    r"n['’]t\b", r"\bno(?=\s+(?:es|son)\b)",
    "不", "非", "没有", "沒有", "排除", "并非", "並非", "未必",
    "ไม่", "नहीं", "मत", "নয়", "নয়", "না", "ليس", "ليست", "لیس", "نیست", "לא", "இல்லை", "కాదు",
    "அல்ல", "ಅಲ್ಲ", "അല്ല", "ਨਹੀਂ", "નથી", "નહીં", "नाही", "होइन", "නොවේ",
    "ບໍ່", "မဟုတ်", "មិន", "አይደለም", "نہیں", "نه ",
)  # fmt: skip

DENIES = re.compile(
    rf"(?<![\w\\])(?:{'|'.join(_BEFORE.values())})(?!\w)|{'|'.join(_BEFORE_UNSPACED)}|≠|\\neq?(?![a-z])",
    re.IGNORECASE,
)
"""A word that denies what follows it in the same clause."""
DENYING_WORDS = these(
    "aldrei asla bukanlah ekki hindi huwag nad nav nebuvo negali nevar nid nije nikad nikada "
    "nikdy nisu nuk deyil aldrig all anything bukan cannot denied denies deny differ differs "
    "different ei ej except fail fails far geen ikke instead inte jamais ne neither nem never "
    "nicht nie niemals niet no nobody non none nooit nor not nothing nowhere nu nunca other "
    "pas rather rule ruled rules ruling si sio siyo statt tampoco tidak torn undecided "
    "unequal unlike wavering weder without"
)
DENYING_PARTS = re.compile(
    r"n'[te]|\\ne|avoid|discard|dismiss|eliminat|exclud|hesitat|kein|refus|reject"
)
"""What `DENIES` and `NO_DENIAL` begin with in a clause in ASCII and lower case: a clause without
any of these words and parts is not searched for them, which would take ten times as long."""

_WRONG = (
    r"wrong|incorrect|false|invalid|impossible|eliminated|excluded|ruled\s+out|rejected|mistaken|untrue|out"
    r"|refuted|not|never|too\s+(?:small|large|low|high|big)|off\b"
)
_IS = (
    r"(?:is|are|was|were|seems?|looks?|must\s+be|can\s+be|has\s+been|have\s+been|would\s+be"
    r"|turns\s+out)"
)
_ADVERB = (
    r"(?:(?:both|all|clearly|definitely|obviously|certainly|also|simply|therefore|thus|just|plainly"
    r"|to\s+be)\s+)*"
)
NO_DENIAL = re.compile(
    r"\b(?:not\s+only|(?:no(?:body|\s+one|ne)|cannot|can['’]t|never|not|(?:do|does|would|could)n['’]t)"
    r"(?:\s+(?:can|could|would|should|will|reasonably|seriously))*\s+(?:doubt|deny|dispute)|no\s+doubt|without\s+(?:a\s+)?doubt|not\s+(?:wrong|incorrect|false)"
    r"|none\s+other\s+than|nothing\s+(?:but|other\s+than)"
    r"|none\s+of\s+the\s+(?:above|others?|rest|other\s+options))",
    re.IGNORECASE,
)
"""Words that look like a denial and are none."""
_OTHER_LANGUAGES = r"""
    (?:ist|sind|wäre)\s+(?:falsch|nicht|unmöglich)\b
  | ,\s*was\s+(?:falsch|unmöglich|nicht\s+\w+)\s+ist\b
  | (?:est|sont)\s+(?:faux|fausse|incorrecte?|erronée?)\b | n['’]est\s+pas\b
  | no\s+(?:es|son)\b | (?:es|è|é|está)\s+(?:incorrec?t[ao]|fals[ao]|sbagliat[ao]|erra[dt][ao])\b
  | não\s+é\b | non\s+è\b
  | (?:is|zijn)\s+(?:niet|fout)\b | неверн | неверен | ошибочн | неправильн
  | не\s+(?:является|верно|подходит)
  | (?:가|이|은|는)?\s*(?:아니|아닙|틀[렸리]) | 일\s*리가?\s*없 | (?:이|가)?\s*될\s*수\s*없
  | (?:では|じゃ)(?:ない|ありません|なく) | は(?:間違い|不正解|誤り)
  | 是?(?:不对|不對|不正确|不正確|错|錯|错误|錯誤) | 不(?:是|符合|成立|可能)
  | \s*değil | \s*olamaz | \s*(?:सही\s+)?नहीं | \s*(?:সঠিক\s+)?(?:নয়|নয়) | \s*ไม่(?:ถูก|ใช่)
  | \s*(?:غير\s+صحيح|خطأ|غلط|نیست|نمی[\u200c\s]?\w+|نہیں)
  | \s*(?:அல்ல|இல்லை|కాదు|ಅಲ್ಲ|അല്ല|ਨਹੀਂ|નથી|नाही|होइन|නොවේ|မဟုတ်)
  | \s*(?:είναι|δεν\s+είναι)\s+(?:λάθος|λανθασμέν\w+|σωστ\w+)
  | \s*(?:je|nije)\s+(?:pogrešn\w+|netočn\w+|točn\w+|tačn\w+)
  | \s*е\s+(?:грешн\w+|неверн\w+|неправилн\w+) | \s*(?:salah|bukan)\b | \s*sai\b
"""
DENIED = re.compile(
    rf"""
    [\s)\]}}$*"'”]* (?:,?\s*(?:which|and\s+(?:this|that))\s+)?
    (?: {_IS}\s+the\s+(?:least\s+\w+|worst|wrong)\b
      | {_IS}(?:n['’]t\b|\s+{_ADVERB}(?:{_WRONG})(?!\s+(?:wrong|incorrect|false))\b)
      | (?:can|could|would|does|do|did|has|will|should)(?:n['’]t|\s*not)\b | cannot\b | won['’]t\b
      | [(:–—]\s*(?:(?:this|it)\s+is\s+)?{_ADVERB}
        (?:wrong|incorrect|false|rejected|not\s+(?:it|this|possible|correct|right))\b
      | {_OTHER_LANGUAGES}
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What follows a value that is said to be none: `42 is wrong`, `42가 아닙니다`."""

_COMPARES = r"""
    (?:less|more|fewer|greater|larger|smaller|higher|lower|bigger|better|other|rather)\s+than
  | (?:at\s+)?(?:least|most) | up\s+to
  | (?:just\s+|slightly\s+|well\s+)?(?:under|over|above|below|beyond)
  | exceed(?:s|ed|ing)? | no\s+(?:more|less|fewer)\s+than | bounded\s+(?:by|above\s+by|below\s+by)
  | (?:kleiner|größer|weniger|mehr|höher|niedriger|anders)\s+als | mindestens | höchstens | ungleich
  | (?:verschieden|abweichend)\s+von
  | (?:mayor|menor|inferior|superior|más|menos)\s+(?:que|a|de) | al\s+menos
  | como\s+(?:máximo|mínimo)
  | (?:maior|mais|menos)\s+(?:do\s+)?que | menor\s+(?:do\s+)?que | pelo\s+menos
  | no\s+(?:máximo|mínimo)
  | (?:maggiore|minore|inferiore|superiore|più|meno)\s+(?:di|a) | almeno | al\s+massimo
  | (?:divers[oa]|distint[oa]|diferente)\s+(?:da|de|di|a)
  | (?:inférieure?|supérieure?)\s+(?:ou\s+égale?\s+)?à | (?:plus|moins)\s+(?:grande?|petite?)\s+que
  | au\s+(?:moins|plus) | différente?\s+de
  | (?:groter|kleiner|meer|minder)\s+dan | minstens | hoogstens | ongelijk\s+aan
  | (?:större|mindre|fler|färre|högre|lägre)\s+än | (?:større|mindre)\s+end | minst | högst
  | skild\s+från
  | (?:większ|mniejsz)\w+\s+(?:niż|od) | co\s+najmniej | co\s+najwyżej | różn\w+\s+od
  | (?:větší|menší)\s+než | alespoň | nejvýše
  | больше | меньше | (?:не\s+)?(?:более|менее) | больш\w+\s+чем | отлич\w+\s+от | більше | менше
  | lớn\s+hơn | nhỏ\s+hơn | bé\s+hơn | ít\s+nhất | nhiều\s+nhất | khác
  | lebih\s+(?:besar|kecil|banyak|sedikit)\s+(?:dari|daripada) | kurang\s+dari
  | paling\s+(?:sedikit|banyak)
  | suurempi\s+kuin | pienempi\s+kuin | vähintään | enintään
  | 大于 | 小于 | 大於 | 小於 | 至少 | 至多 | 不超过 | 超过 | 不到 | 最多 | أكبر\s+من | أصغر\s+من
  | أقل\s+من | أكثر\s+من | 少なくとも
"""
BOUNDS = re.compile(
    rf"(?<!\w)(?:{_COMPARES})(?!\w)|[<>≤≥≠]|\\(?:[lg]eq?|neq?|[lg]t)(?![a-z])", re.VERBOSE
)
"""A word, in lower case, that makes the value behind it a bound: `mayor que 42`."""
BOUNDED = re.compile(
    r"""
    \s*(?: より(?:も)?(?:大き|小さ|多|少) | 以上 | 以下 | 未満 | を(?:超え|下回) | (?:とは)?異な
      | 보다\s?(?:더\s?)?(?:크|작|많|적|큰) | 이상 | 이하 | 미만 | 초과
      | (?:이\s|가\s|이|가)?될\s?수\s*없
      | ['’]?[dt][ae]n\s+(?:daha\s+)?(?:büyük|küçük|fazla|az|farklı)
      | से\s+(?:अधिक|कम|बड़ा|छोटा|ज़्यादा) | olamaz
      | (?<=\s)(?:or|oder|ou|o|или)\s+(?:more|less|fewer|greater|mehr|weniger|plus|moins|más|menos
          |mais|больше|меньше)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What makes the value before it a bound: `42より大きい`, `42 or more`."""
OF_VALUE = re.compile(
    r"""\b(?:
        (?:(?:a|the|some|any|an?\s+(?:integer|even|odd|exact|proper|positive|perfect))\s+)?
        (?:multiples?|divisors?|powers?|squares?|cubes?|(?:square|cube|fourth|n-?th)\s+roots?
            |reciprocals?|inverse
          |negatives?|opposite|double|triple|half|logarithm|factorial|complement|conjugate)\s+of
      | (?:divisible|followed|preceded|multiplied|divided|increased|decreased)\s+by
      | congruent\s+to | coprime\s+(?:to|with)
      | proportional\s+to | relatively\s+prime\s+to | double | twice | thrice | triple
      | one\s+of | among | somewhere\s+(?:around|near|about|between|in) | close\s+to
      | near(?:er)?(?:\s+to)?
      | (?:vielfaches|quadrat|hälfte|doppelte)\s+von | teilbar\s+durch | einer?\s+von
      | (?:múltiplo|cuadrado|doble|mitad|quadrado|dobro|metade|multiplo|quadrato|doppio
          |metà)\s+d[ei]
      | (?:multiple|carré|double|moitié|racine)\s+de | divisible\s+par | кратно | квадрат\s+числа
    )(?:\s+(?:the|a|number|numbers|integer|integers|values?|options|following))*\W*\Z""",
    re.VERBOSE,
)
"""Words, in lower case, that make something else of the value behind them: `a multiple of 42`."""
CONTRASTS = (
    r"(?:(?:and|und|et|y|e|i|en|и|а|och|og)\s+)?"
    r"(?:(?:not|nicht|non|pas|no|não|niet|nie|inte|ikke|bukan|не)(?!\w)|而?不是|而非)"
)
"""What sets a value off from another one that is denied: `23, not 24`, `23 und nicht 24`."""
FAILS = (
    r"(?:do(?:es)?|did|will|would|can|could)(?:n['’]t|\s*not)\s+(?:work|satisfy|hold|fit|qualify|solve|suffice"
    r"|match|lie|belong|apply|be\s+(?:the|an?)\s+(?:answer|solution)|check\s+out|count)\b|fails\b"
)
"""Phrases of a value that is tried and fails: `42 does not work`."""

RELATIVE = (
    r"(?:(?:,\s*)?(?:which|(?:and|but|yet)\s+(?:this|that)|but\s+it|(?:ce\s+)?qui|(?:lo|el|la)\s+(?:que|cual)|o\s+que"
    r"|il\s+che|что|但这?|这)(?!\w)\s*)?"
)
"""How a clause about the value begins: `42, which is wrong`, `42, but that is mistaken`."""
REVISES = (
    r"(?:(?:wait|actually|oops|sorry|hmm+|hold\s+on|hang\s+on|on\s+reflection|(?:just\s+)?kidding|correction|scratch\s+that|make\s+that"
    r"|I\s+mean(?:t)?|on\s+second\s+thoughts?|no(?=[,:;.!—–-]))[\s,.:;!…—–-]+){1,3}"
    r"(?:(?:it|that)(?:['’]s|\s+is|\s+should\s+be)\s+)?"
)
"""How a speaker takes back what was just said, up to the new value: `Wait, actually `."""

_UNFIT = (
    r"(?:(?:an?\s+|the\s+)?(?:wrong|incorrect|false|invalid|impossible|mistaken|untrue|rejected|ruled\s+out)"
    r"|not\s+(?:(?:a|the)\s+)?(?:correct|right|valid|true|possible|acceptable|final)?\s*"
    r"(?:answer|solution|value|result|correct|right|valid|true|possible|acceptable)"
    r"|(?:an?\s+)?(?:mistake|error|trap)|too\s+(?:small|large|low|high|big)(?!\s+(?:to|for)\b))"
)
REFUTED = re.compile(
    rf"""
    (?: {_IS}(?:n['’]t\s+|\s+){_ADVERB}{_UNFIT}\b
      | {_IS}n['’]t\s+(?:(?:a|the)\s+)?(?:correct|right|valid|true|possible|answer|solution)\b
      | (?:can|could)(?:['’]t|\s*not)\s+be\s+(?:correct|right|true|it|the\s+answer)\b
      | [(:–—]\s*(?:(?:this|it)\s+is\s+)?{_ADVERB}(?:wrong|incorrect|false|rejected)\b
      | {_OTHER_LANGUAGES}
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What follows a value that is said to be wrong; `42 is not a prime` does not say so."""
