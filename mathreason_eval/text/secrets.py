"""What is secret in a name, an option or a text, and how it is kept out of files and messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

from mathreason_eval.errors import ModelError
from mathreason_eval.text.documents import is_too_deep

HIDDEN = "…"
"""Written in place of a secret."""
_SHORTEST_SECRET = 8
"""Characters of a secret; a shorter one is a word that local servers ignore."""

ValueT = TypeVar("ValueT")


class Secrets:
    """Texts that must not be shown: a server's key, and whatever else is sent to prove who asks."""

    def __init__(self, *values: str) -> None:
        """Know some secrets, each as it is, in a URL's escapes and in those of JSON."""
        long = {value for value in values if len(value) >= _SHORTEST_SECRET}
        spellings = {spelled for value in long for spelled in _spellings(value)}
        self._either_case = spellings | {one.lower() for one in spellings}
        # The longest first: one may be the beginning of another.
        ordered = sorted(spellings, key=lambda one: (-len(one), one))
        self._pattern = re.compile("|".join(map(re.escape, ordered)) or r"(?!)", re.IGNORECASE)

    def hide(self, value: ValueT) -> ValueT:
        """Return a text, or all texts of a JSON value, without the secrets, in any case."""
        return _with_texts(value, self._hide)

    def _hide(self, text: str) -> str:
        # A pattern without regard to case takes a second for what `in` finds at once.
        for searched in (text, text.lower()):
            if any(one in searched for one in self._either_case):
                return self._pattern.sub(HIDDEN, text)
        return text


def _spellings(value: str) -> set[str]:
    return {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}


def _with_texts(value: ValueT, change: Callable[[str], str]) -> ValueT:
    """Return a JSON value with every text of it changed, names included."""
    changed: object = value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, list | tuple):
        changed = type(value)(_with_texts(one, change) for one in value)
    elif isinstance(value, dict):
        changed = {_with_texts(k, change): _with_texts(v, change) for k, v in value.items()}
    return changed  # type: ignore[return-value]


# --- what is a secret ------------------------------------------------------------------------

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SECRET_WORDS = frozenset(
    {
        *("password", "passwd", "passphrase", "pwd", "secret", "credential", "cred", "pem"),
        *("authorization", "authentication", "auth", "oauth", "cookie", "bearer", "jwt"),
    }
)
_FUSED = re.compile(
    r"(api|auth|access|private|secret|signing|service|subscription|bearer|session)"
    r"(key|token|password)"
)
"""Words written as one: `apikey`."""
_OF_NO_KEY = frozenset(
    {
        *("cache", "value", "head", "dtype", "sort", "primary", "foreign", "public", "column"),
        *("field", "question", "answer", "index", "layer", "norm", "proj", "scale", "state"),
    }
)
"""Words next to `key` in names of what is looked up, sorted or attended to by it."""
_OF_NO_TOKEN = frozenset(
    {
        *("eos", "bos", "pad", "unk", "mask", "sep", "cls", "eot", "stop", "special", "added"),
        *("image", "video", "audio", "think", "thinking", "prompt", "completion", "reasoning"),
        *("count", "limit", "budget", "type", "length", "usage", "rate", "batch", "healing"),
        *("start", "end", "first", "last", "next", "decoder", "max", "min", "num", "number"),
        *("logprob", "position", "level", "per", "classification", "string", "text"),
    }
)
"""Words next to `token` in names of what a model reads and writes."""
_OF_TOKENS = frozenset(
    {
        *("access", "auth", "api", "bearer", "id", "refresh", "session", "security", "user"),
        *("hf", "hub", "huggingface", "github"),
    }
)
"""Words before `tokens` in names of those that are secret: several are mostly a number."""


def is_secret_name(name: str) -> bool:
    """Return whether a field of that name holds a secret: `api_keys`, `Authorization`, `hfToken`.

    Any key or token is one, unless another word of the name says that it is of another kind.
    """
    written = [word.lower() for word in _WORDS.findall(name)]
    # `api_key_env` is the name of a variable.
    if not written or written[-1] == "env":
        return False
    words = {*written, *(word.removesuffix("s") for word in written)}
    if _SECRET_WORDS.intersection(words) or any(map(_FUSED.fullmatch, words)):
        return True
    if "key" in words and not _OF_NO_KEY.intersection(words):
        return True
    before, found, after = _around(written, "token")
    if found:
        return after[:1] not in (["id"], ["ids"]) and not _OF_NO_TOKEN.intersection(words)
    before, found, _ = _around(written, "tokens")
    return found and not _OF_TOKENS.isdisjoint(before[-1:])


def _around(words: list[str], word: str) -> tuple[list[str], bool, list[str]]:
    """Return the words before a word, whether it is there, and those after it."""
    if word not in words:
        return words, False, []
    place = words.index(word)
    return words[:place], True, words[place + 1 :]


_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|rk|pk|xai|nvapi|pplx|glpat|csk)[-_](?=[\w-]*[0-9])[\w-]{16,}"
    r"|(?:hf|gsk|ghp|gho|ghu|ghs|ghr|github_pat|r8)_\w{20,}"
    r"|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"
    r"|(?=[A-Za-z]*[0-9])(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{32,}(?![A-Za-z0-9])"
    r")"
)
"""Keys by their providers' forms, and 32 letters of both cases and digits without a break, which
no model and no path is called; hexadecimal digests have letters of one case."""


def looks_like_key(text: str) -> bool:
    """Return whether a text holds what is a key by its form."""
    return _KEY.search(text) is not None


def secret_values(value: object, *, named: bool = False) -> Iterator[str]:
    """Yield the texts in a JSON value that are secret, by the name of their field or their form.

    Args:
        value: what is looked through.
        named: whether it is in a field whose name says that it is secret.
    """
    if isinstance(value, str):
        if named:
            # `Bearer KEY`, where the key alone is as secret.
            yield from filter(None, (value, value.partition(" ")[2]))
        yield from (found[0] for found in _KEY.finditer(value))
        yield from secret_values(_object_in(value))
    elif isinstance(value, list | tuple | Mapping):
        for one, secret in _parts(value):
            yield from secret_values(one, named=named or secret)


def _parts(value: Iterable[Any]) -> Iterator[tuple[object, bool]]:
    """Yield each value in a list or an object, and whether its name says that it is secret.

    Names stand in front of their values, as those of headers may: `["Cookie", "x"]` in a list; or
    beside them: `{"name": "Cookie", "value": "x"}`.
    """
    if isinstance(value, Mapping):
        beside = is_secret_name(str(value.get("name", value.get("key", ""))))
        for name, one in value.items():
            yield one, is_secret_name(str(name)) or (beside and name == "value")
        return
    for one in value:
        pair = isinstance(one, list | tuple) and len(one) == len(("name", "value"))
        yield one, pair and isinstance(one[0], str) and is_secret_name(one[0])


def without_secrets(value: ValueT, *, named: bool = False) -> ValueT:
    """Return a JSON value with `…` for what is secret by the name of its field or by its form.

    A text that is a JSON object, as an option may be, is looked into.
    """
    clean: object = value
    if isinstance(value, str):
        clean = HIDDEN if named and value else _clean_text(value)
    elif isinstance(value, list | tuple | Mapping):
        parts = [without_secrets(one, named=named or secret) for one, secret in _parts(value)]
        if isinstance(value, Mapping):
            names = (_KEY.sub(HIDDEN, one) if isinstance(one, str) else one for one in value)
            clean = dict(zip(names, parts, strict=True))
        else:
            clean = parts
        clean = tuple(parts) if isinstance(value, tuple) else clean
    return clean  # type: ignore[return-value]


_ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z][\w.-]{0,100})(?P<sign>["']?\s{0,3}[=:]\s{0,3}["']?)"""
    r"""(?P<value>(?:bearer\s{1,3})?[^\s,;&"']+)""",
    re.IGNORECASE,
)
"""One of several settings in a text: `api_key=x,base_url=y`, `Authorization: Bearer x`."""
_BEARER = re.compile(r"(?<![A-Za-z])(bearer\s{1,3})\S+", re.IGNORECASE)
_IN_ADDRESS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)(?P<user>[^\s/?#@]{1,500}@)?(?P<rest>[^\s?#,;\"']*)"
    r"(?P<query>[?#][^\s,;\"']*)?",
    re.IGNORECASE,
)
"""An address, whose user, query and fragment may prove who asks."""


def _clean_text(text: str) -> str:
    held = _object_in(text)
    if (clean := without_secrets(held)) != held:
        return json.dumps(clean, ensure_ascii=False)
    if "://" in text:
        text = _IN_ADDRESS.sub(_clean_address, text)
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(_clean_setting, text)
    return _KEY.sub(HIDDEN, _BEARER.sub(rf"\1{HIDDEN}", text))


def _clean_address(found: re.Match[str]) -> str:
    user = f"{HIDDEN}@" if found["user"] else ""
    query = f"{found['query'][0]}{HIDDEN}" if found["query"] else ""
    return f"{found['scheme']}{user}{found['rest']}{query}"


def _clean_setting(found: re.Match[str]) -> str:
    secret = is_secret_name(found["name"])
    return f"{found['name']}{found['sign']}{HIDDEN}" if secret else found[0]


def _object_in(text: str) -> dict[str, object] | None:
    """Return the JSON object that a text is, or None."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        held: dict[str, object] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if is_too_deep(held) else held


# --- names -----------------------------------------------------------------------------------

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE)


def check_name(name: str) -> None:
    """Refuse a model's name that holds a secret: it is stored with the run, and shown.

    Raises:
        ModelError: it has a key, or an address with a user, a password, a query or a fragment.
    """
    found = _ADDRESS.search(name)
    # What follows may be an address written wrongly; it must not be shown either.
    parts = urlsplit(found[0].replace("[", "").replace("]", "")) if found else None
    if looks_like_key(name) or (parts and ("@" in parts.netloc or parts.query or parts.fragment)):
        raise ModelError(
            "The model's name holds a password, a key or a query, and names are stored with the "
            "run.",
            "Put the key into an environment variable: --model-arg api_key_env=NAME.",
        )
