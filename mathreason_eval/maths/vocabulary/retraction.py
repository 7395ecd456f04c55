"""Words that take back what stands before them, or doubt what follows, in many languages.

`RETRACTIONS` and `WRONG` are looked for in the sentences behind a value, `ELSEWHERE_DOUBTED` and
`WRONG_OPTION` in the clause before one.
"""

from __future__ import annotations

import re

from mathreason_eval.maths.vocabulary.words import these

_NOUNS = (
    r"(?:answer|result|value|solution|calculation|computation|reasoning|working|derivation|box)"
)
_THAT = (
    r"(?:(?:that|this|it|which|they|these|those|the\s+(?:above|former)"
    rf"|(?:my|our|the|this|that)\s+(?:(?:final|last|previous|above|boxed|computed)\s+)?{_NOUNS}"
    r"|(?:my|our|this)\s+(?:claim|number|conclusion))(?:\s+(?:above|here))?)"
)
_STARTS = (
    r"(?:(?:but|however|yet|and|oh|oops|whoops|ah|hm+|well|wait|no|nope|sorry|damn|argh|hold\s+on|never\s*mind"
    r"|actually|unfortunately|alas|though|although|obviously|clearly|of\s+course|now|still|except)\b[\s,.:;!…—–-]*"
    r"|(?:I(?:['’]m|\s+am|\s+was)\s+told|(?:I|we)\s+(?:now\s+)?(?:see|think|know|realize|realise|notice|believe|fear)"
    r"|it\s+turns\s+out|(?:the|my)\s+(?:teacher|book|textbook|checker)\s+says)\s+(?:that\s+)?){0,4}"
)
_ADVERBS = (
    r"(?:(?:of\s+course|obviously|clearly|simply|just|also|completely|totally|entirely|plainly|certainly"
    r"|definitely|actually|probably|surely|in\s+fact|however|though|therefore|thus|all|both|quite|so)\s+){0,3}"
)
_NO_CONDITION = (
    r"(?!\s+(?:for|when|whenever|if|unless|in|only|to|with|on|modulo|where|as\s+long)\b)"
)
_BAD = (
    r"(?:wrong|incorrect|false|invalid|impossible|mistaken|untrue|nonsense|absurd|rubbish|bogus|erroneous|a\s+lie"
    r"|an?\s+(?:mistake|error)|a\s+(?:bad|wrong|random)\s+\w+|inconsistent|unacceptable)"
)
_GOOD = (
    r"(?:correct|right|true|valid|possible|acceptable|it|so|the\s+(?:case|answer|solution|right\s+\w+"
    r"|correct\s+\w+)|what\s+(?:was|is)\s+asked|my\s+(?:final\s+)?answer)"
)
_TAKES_BACK = (
    r"(?:(?:please\s+)?(?:forget|ignore|disregard|scratch|strike|discard|delete|retract|withdraw|cancel|reject|scrap)"
    r"\s+(?:all\s+(?:of\s+)?)?(?:that|this|it|the\s+above|everything|what\s+I|my\s+(?:\w+\s+)?answer"
    r"|the\s+(?:answer|box|previous|last)\b)"
    r"|I\s+(?:hereby\s+)?(?:take|took)\s+(?:that|this|it|the\s+above|(?:my|the)\s+answer)\s+back"
    r"|I\s+(?:hereby\s+)?(?:retract|withdraw|dispute|reject|doubt|deny|disagree\s+with)\s+(?:that|this|it|my|the)\b"
    r"|(?:please\s+)?(?:do\s+not|don['’]t)\s+(?:trust|believe|use|accept|rely\s+on|count)\s+(?:this|that|it|me|my)\b"
    r"|I\s+(?:no\s+longer|don['’]t|do\s+not)\s+(?:really\s+)?(?:believe|think|trust|buy|accept|stand\s+by|support)\s+"
    r"(?:this|that|it|so|in\s+(?:this|it)|my)\b"
    r"|I\s+(?:hereby\s+)?disagree\b|I\s+don['’]t\s+(?:think|believe)\s+(?:so|that|this|it)\b"
    r"|never\s*mind\b(?!\s+the)|(?:I(?:['’]m|\s+am|\s+was)\s+)?(?:just|only)\s+(?:kidding|joking)"
    r"|I\s+was\s+(?:wrong|mistaken|lying|joking|kidding)\b"
    r"|I(?:['’]ve|\s+have)?\s+(?:made|must\s+have\s+made|seem\s+to\s+have\s+made)\s+(?:an?|some)\s+(?:\w+\s+)?(?:error|mistake)s?"
    r"|I\s+(?:messed|screwed)\s+(?:that|this|it)?\s*up"
    r"|(?:the\s+)?(?:correct|true|real|right|actual)\s+(?:answer|value|result|solution|number)\s+is\s+"
    r"(?:different|another|something\s+else|unknown|not\s+(?:this|that|it)\b|(?:larger|smaller|bigger|higher|lower)\W)"
    r"|not(?!\s+only)[\s.!]*(?:really|quite|at\s+all|correct|true|right)?[)\s.!]*\Z)"
)
_SAYS_BAD = (
    rf"{_THAT}(?:['’](?:s|re)|\s+(?:is|are|was|were|seems?|looks?|must\s+be|has\s+to\s+be|would\s+be))\s+"
    rf"{_ADVERBS}(?:{_BAD}|not\s+{_ADVERBS}{_GOOD})\b{_NO_CONDITION}"
    rf"|{_THAT}\s+(?:is|are|was|were)n['’]t\s+{_ADVERBS}{_GOOD}\b{_NO_CONDITION}"
    rf"|{_THAT}\s+(?:can|could)(?:['’]t|not|\s+not)\s+{_ADVERBS}be\s+{_ADVERBS}{_GOOD}\b{_NO_CONDITION}"
    rf"|{_THAT}\s+(?:contradicts\s+(?:the\s+(?:hypothes\w+|assumption|condition|premise|problem|fact|constraint"
    rf"|requirement|given|first|second|statement|question)|that|what|our|itself|it)|violates(?!\s+no)|fails(?!\s+to)|makes\s+no\s+sense"
    rf"|does(?:n['’]t|\s+not)\s+(?:work|satisfy|fit|hold|add\s+up|make\s+sense|check\s+out))\b{_NO_CONDITION}"
    rf"|{_THAT}(?:['’]s\s+not|\s+(?:is|was)(?:\s+not|n['’]t))\s*(?:[.!;]|\Z)"
    rf"|{_THAT}\s+(?:should|must|has\s+to|ought\s+to|may|can)\s+be\s+(?:rejected|ignored|discarded|disregarded|forgotten"
    r"|withdrawn|thrown\s+away|excluded|ruled\s+out)\b"
    rf"|{_THAT}\s+(?:contains?|has|had|includes?)\s+(?:an?|some|several)\s+(?:\w+\s+)?(?:mistake|error|flaw|bug)s?\b"
    rf"|{_THAT}\s+(?:is|was)\s+(?:only\s+|just\s+)?a\s+(?:joke|bluff|typo|test|prank|trick|lie|hoax)\b"
    r"|(?:or\s+)?so\s+(?:people|they|some|many|it|others?|most)\s+(?:\w+\s+)?(?:say|says|said|think|thinks|thought|claim|claims|believe|believed|seems?)\b"
    r"|(?:no|nope|wrong|false|incorrect|untrue|not\s+(?:true|correct|right|so))\s*"
    r"(?:[.!;,…—–]|\Z)(?!\s*\d)"
)
_INTRODUCES = (
    r"(?:(?!(?:if|when|for|unless|in|with|under|where|while|as|because|since)\b)"
    r"[a-z]+(?:\s+[a-z]+){0,3},\s+)?"
)
"""Some words and a comma, which are no condition: `On reflection, `."""
RETRACTIONS = re.compile(rf"{_STARTS}{_INTRODUCES}(?:{_TAKES_BACK}|{_SAYS_BAD})", re.IGNORECASE)
"""How a sentence in English begins that takes back what stands before it: `That can't be right.`"""
RETRACTING_WORDS = these(
    "rejected ignored discarded disregarded forgotten withdrawn excluded flaw bug flaws joke bluff "
    "typo test prank trick hoax so trust longer that's it's isn wasn "
    "wrong incorrect false invalid impossible mistaken untrue nonsense absurd rubbish bogus "
    "erroneous lie mistake error inconsistent unacceptable not forget ignore disregard "
    "scratch strike discard delete retract withdraw cancel reject scrap back dispute doubt "
    "deny disagree never nevermind kidding joking lying mistakes errors up different another "
    "else unknown larger smaller bigger higher lower no nope contradicts violates fails sense "
    "random bad xmark don t isn aren wasn weren doesn cannot couldn"
)
RETRACTING_ELSEWHERE = these(
    "oublie oubliez ignorez olvida olvide dimentica vergiss vergesst vergessen vergeet glem "
    "zapomnij unut unutun lupakan zaboravi "
    "falsch falsche stimmt richtig korrekt faux fausse incorrecta incorrecto incorreta "
    "incorreto falsa falso mal erro error errada errado errata errato cierta cierto correcta "
    "correcto sbagliata sbagliato corretta corretto giusta vera fout onjuist verkeerd klopt "
    "juist fel feil forkert galt inte ikke nieprawda chybn chybna gresit corect helytelen "
    "igaz salah keliru tidak sai sahihi makosa hindi mali correcte vrai juste exacte bon "
    "bonne certa certo verdade istina nije neteisinga nepareizi"
)
"""Words in ASCII of which a text that takes something back in another language has one."""
WRONG = re.compile(
    r"""
    \b(?: falsch\w*|(?:nicht|kaum)\s+(?:richtig|korrekt)|stimmt\b[^.]{0,20}\bnicht
      |(?:das\s+)?ist\s+unmöglich
      | faux|fausse|erroné\w*|n['’]est\s+pas\s+(?:correcte?|vrai|juste|exacte?|bon(?:ne)?)
      | (?:es|está|é|esta|foi|fue)\s+(?:un\s+|um\s+)?
        (?:incorrect[oa]|incorret[oa]|fals[oa]|erróne[oa]|mal|erro|error|errad[oa])
      | no\s+es\s+(?:correct[oa]|ciert[oa])|me\s+equivoqué
      |não\s+(?:está|é)\s+(?:corret[oa]|cert[oa]|verdade)
      | sbagliat[oa]|non\s+è\s+(?:corrett[oa]|giust[oa]|ver[oa])|mi\s+sono\s+sbagliat[oa]
      |è\s+fals[oa]
      | (?:is|was)\s+(?:fout|onjuist|verkeerd)|klopt\s+niet|niet\s+(?:juist|correct|goed)
      | (?:är|er)\s+(?:fel|feil|forkert|galt)|stämmer\s+inte|stemmer\s+ikke|väärin
      |ei\s+pidä\s+paikkaansa
      | błędn\w+|to\s+nieprawda|nieprawidłow\w+|niepoprawn\w+|chybn\w+|nesprávn\w+
      |není\s+(?:správn|pravda)\w*
      | неверн\w*|неправильн\w*|ошиб\w+|ошибочн\w*|неправда|не\s+так|хибн\w+|неправильн\w+|помилк\w+
      | грешн\w+|грешка|погрешн\w+|netočn\w+|pogrešn\w+|nije\s+(?:točno|tačno|istina)
      |neteising\w+|klaiding\w+|nepareiz\w+
      | greșit\w*|gresit\w*|nu\s+e(?:ste)?\s+(?:corect|adevărat)\w*|hibás|helytelen
      |nem\s+(?:jó|igaz|helyes)
      | yanlış\w*|hatalı\w*|doğru\s+değil|salah|keliru|tidak\s+(?:benar|tepat)|sai(?:\s+rồi)?
      |không\s+(?:đúng|phải)
      | si\s+sahihi|sio\s+sahihi|ni\s+makosa|hindi\s+(?:tama|totoo)|mali\s+(?:ito|iyon)
      | λάθος|λανθασμέν\w+|εσφαλμέν\w+|δεν\s+(?:είναι\s+σωστ\w+|ισχύει)
    )(?!\w)
    | \b(?:oublie[zs]?|ignore[zr]|olv[ií]d\w+|esqueça\w*|dimentica\w*|vergiss|vergesst
      |vergessen\s+sie|vergeet|glöm|glem
      |забудь\w*|игнорируй\w*|забрав\w*|zapomn\w+|zapomeň\w*|unutun?|lupakan|felejts\w*|uit[aă]ți?|zaboravi\w*)(?!\w)
    | 取り消|撤回|忘れて|취소|철회|무시|忽略|收回|作廢
    | 不对|不對|不正确|不正確|错了|錯了|是错的|是錯的|错误的?[。！]?\Z|算错|有误|作废|不成立
    | 違う|違います|違った|間違|誤り|不正解|正しくない|正しくありません
    | 틀렸|틀린|틀립|아니(?:,|다|야|에요|요|\.|\Z)|아닙니다|잘못
    | गलत|सही\s+नहीं|ग़लत|ভুল|সঠিক\s+নয়|ผิด|ไม่ถูก|خطأ|خاطئ|غير\s+صحيح|غلط|درست\s+نیست|נכון\s+לא
    |לא\s+נכון|שגוי|טעות
    | தவறு|தவறான|తప్పు|సరికాదు|ખોટું|غلط
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What says in other languages that something is wrong, in a short sentence behind a value."""

WRONG_OPTION = (
    r"\b(?:wrong|incorrect|false|bad|worst|mistaken|unlikely|least\s+likely)\s+(?:final\s+)?(?:answer|option|choice|response"
    r"|letter|pick|guess)s?(?:\s+(?:here|is|was|are|would\s+be))?\s*:?"
    r"|\b(?:wrong|incorrect|false|mistaken)(?:\s+(?:is|are))?\s*:"
    r"|\b(?:cross(?:ed|ing)?|strike|struck|striking|rul(?:e|ed|ing))\s+(?:out\s+)?(?:option\s+|choice\s+)?"
    r"|\b(?:any|anything|everything)\s+(?:\w+\s+)?(?:but|except)(?:\s+(?:option|choice))?"
    r"|\b(?:falsche|mauvaise|fausse|onjuiste|foute|błędna|zła|nesprávná|yanlış|неправильн\w+|неверн\w+|ошибочн\w+|погрешн\w+)"
    r"\s+(?:antwort|option|lösung|réponse|antwoord|odpowiedź|odpověď|cevap|yanıt|ответ|вариант|відповідь|отговор|одговор)"
    r"(?:\s+(?:ist|lautet|est|is|to|je))?\s*:?"
    r"|\b(?:respuesta|resposta|risposta|réponse|opción|opção|opzione|alternativa|jawaban)\s+(?:(?:está|es|é|è|est|yang)\s+)?"
    r"(?:incorrec?ta|incorreta|errada|equivocada|falsa|sbagliata|errata|incorrecte|fausse|erronée|salah)(?:\s+(?:es|é|è|est|adalah|la))*\s*:?"
    r"|(?:错误|錯誤|不正确|不正確|错)的?(?:答案|选项|選項|结果)(?:是|为|:|：)?|(?:間違った|誤った)(?:答え|解答|選択肢)は?|(?:틀린|잘못된)\s?(?:답|선택지)[은는]?:?"
)
"""In lower case, what announces an option that is wrong: `wrong answer is`, `crossed out`."""
ELSEWHERE_DOUBTED = (
    r"\b(?:glaube|denke|meine|behaupte)\s+(?:ich\s+)?(?:nicht|kaum)\b|\bbezweifle\b|\bpense\s+pas\b|\bcrois\s+pas\b"
    r"|\bdoute\s+que\b|\bno\s+(?:creo|pienso|opino|digo)\b|\bdudo\s+que\b|\bnão\s+(?:acho|creio|acredito|penso)\b"
    r"|\bduvido\s+que\b|\bnon\s+(?:credo|penso|direi)\b|\bdubito\s+che\b|\b(?:denk|geloof)\s+niet\b|\btror\s+(?:inte|ikke)\b"
    r"|\bnie\s+(?:sądzę|myślę|wierzę)\b|\bne\s+(?:myslím|vjerujem|mislim|verujem)\b|не\s+(?:думаю|считаю|верю|мисля|вірю|мислим)"
    r"|сомневаюсь|\bne\s+cred\s+că\b|\bnu\s+cred\b|\bnem\s+hiszem\b|\ben\s+usko\b|\btidak\s+percaya\b|\bkhông\s+nghĩ\b"
    r"|(?:不认为|不認為|不觉得|不相信|不是说|很难说)|δεν\s+(?:νομίζω|πιστεύω)"
    r"|\b(?:falsche|mauvaise|fausse|onjuiste|foute|felaktig[at]?|forkerte|błędna|złą|zła|nesprávná|greșit|hibás|yanlış"
    r"|погрешан|погрешн\w+|грешн\w+|неправильн\w+|неверн\w+|ошибочн\w+)\s+(?:antwort|lösung|réponse|antwoord|svar\w*|odpowied\w+"
    r"|odpověď|răspuns\w*|válasz|cevap|yanıt|ответ|відповідь|отговор|одговор)\b"
    r"|\b(?:respuesta|resposta|risposta|réponse|opción|opção|opzione|jawaban|cevap)\s+(?:está\s+|es\s+|é\s+|è\s+|est\s+)?"
    r"(?:incorrec?ta|errada|equivocada|falsa|sbagliata|errata|incorrecte|fausse|erronée|salah|yanlış)\b"
    r"|(?:错误|錯誤|不正确|不正確|错)的?(?:答案|选项|選項|结果)|(?:間違った|誤った|不正解の)(?:答え|解答|選択肢)|(?:틀린|잘못된)\s?(?:답|선택지)"
)
"""How a speaker of another language doubts what follows, in lower case: `ich glaube nicht`."""
