"""Which languages are understood: a sentence in another one may say anything of its number."""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.words import NUMBERS, these

_UNKNOWN_SCRIPTS = re.compile(
    r"[\u0530-\u058f\u0700-\u07ff\u0a00-\u0a7f\u0b00-\u0b7f\u0c80-\u0dff\u0e80-\u109f"
    r"\u10a0-\u10ff\u1200-\u139f\u1780-\u17ff\u1800-\u18af\u1c90-\u1cbf\ua4d0-\uabff]"
)
"""Armenian, Georgian, Gurmukhi, Kannada, Malayalam, Sinhala, Lao, Burmese, Amharic, Khmer, …"""
_FAMILIAR = these(
    # English, of words that any text has
    "the a an and or of to in is are was were be been has have had do does did it its he she they "
    "we you i his her their our your my this that these those there here so then thus hence as at "
    "by for from with on off out up per each all both if when where which who how what not no yes "
    "can will would must may but because since than more less left total sum product difference "
    "answer result value solution number final area length cost price time amount equals equal get "
    "gives give got we'll have therefore approximately about exactly only also after before into "
    "minutes hours days dollars cents people years first second one ways way eggs apples and's "
    "cm km kg ml mm ft in lb oz mph pm am sqrt log ln sin cos tan pi max min mod gcd lcm step "
    "answers ans output final_answer solve check note probability average mean median mode ratio "
    "percent degrees units square cubic perimeter volume speed distance age score points profit "
    "remaining needs makes sells buys spends spent earned earns costs pays paid has contains "
    # German, French, Spanish, Portuguese, Italian, Dutch
    "der die das ein eine ist sind und oder von zu den dem mit für auf im in wir sie er es also "
    "antwort ergebnis lösung beträgt insgesamt le la les un une des du de est sont et ou à au aux "
    "donc nous il elle réponse résultat total el los las una es son y o en del al por para con "
    "respuesta resultado hay entonces os as uma é são e em do da no na dos das que logo resposta "
    "ha o il lo gli i una sono di che per con quindi risposta risultato totale het een van zijn "
    "en of dus er antwoord totaal heeft wij we "
    # Swedish, Danish, Norwegian, Finnish, Polish, Czech, Romanian, Hungarian, Turkish
    "och är det en ett av för med på svaret svar og er den til på vi on ja vastaus yhteensä se to "
    "jest i w z na nie odpowiedź wynik razem je a v s odpověď celkem výsledek este sunt și un de "
    "la răspunsul rezultatul az a és egy válasz eredmény bir ve bu için toplam sonuç cevap yanıt "
    # Indonesian, Vietnamese, Swahili
    "adalah dan yang di ke dari jawaban jawabannya jadi total là của và có đáp án số vậy câu trả "
    "lời kết quả ni ya na wa kwa jibu jumla "
    # Russian, Ukrainian, Bulgarian, Serbian; Greek
    "и в на не что это он она они мы ответ итого всего равно есть у с к по из получаем значит "
    "рублей і та є відповідь всього разом отговор отговорът е са да се одговор је су укупно "
    "η ο το είναι και απάντηση του της με σε έχει άρα λύση αποτέλεσμα συνολικά"
) | frozenset(NUMBERS)
"""Words of the languages whose denials are heard: a sentence of them has one of these."""
_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}(?:['’]\w+)?")
_FEWEST = 2
"""Words of a sentence in Latin, Greek or Cyrillic letters by which a language is told."""


def is_unknown(sentence: str) -> bool:
    """Return whether a sentence in lower case is in a language or a script that is not understood.

    One word may be a name or a unit; a sentence of several has one that is familiar. Scripts
    without such words, as Chinese, are told by their letters.
    """
    if not sentence.isascii() and _UNKNOWN_SCRIPTS.search(sentence) is not None:
        return True
    words = _WORD.findall(sentence)
    if len(words) < _FEWEST or "\\" in sentence or not _is_alphabetic(sentence):
        return False
    return _FAMILIAR.isdisjoint(words) and _FAMILIAR.isdisjoint(sentence.split())


_OTHER_SCRIPTS = re.compile(
    r"[\u0590-\u06ff\u0900-\u09ff\u0a80-\u0aff\u0b80-\u0c7f\u0e00-\u0e7f\u1100-\u11ff\u3040-\uffef]"
)
"""Scripts whose denials are heard, but of which no list of common words is kept."""


def _is_alphabetic(sentence: str) -> bool:
    return sentence.isascii() or _OTHER_SCRIPTS.search(sentence) is None
