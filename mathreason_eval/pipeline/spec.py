"""What a user asks of a run, with the type and the limits of every setting.

The command line and Python make the same `RunSpec`, so a value that one refuses the other does too.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict

from mathreason_eval.errors import UnknownNameError, UserError, raise_faults
from mathreason_eval.text.limits import MAX_ROWS, MAX_SAMPLES, MOST_TOKENS

# --- what a setting may be -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The values that a setting may have."""

    wanted: str
    """After `must be`: `a whole number of at least 1`."""
    example: str
    """A value as typed on the command line."""
    option: str
    """The option of the command line: `--top-p`."""
    read: Callable[[Any], object]
    """Returns the value as it is stored; raises TypeError or ValueError for one that is refused."""

    def faults(self, name: str, value: object) -> list[UserError]:
        """Return the error of a value that is refused, or nothing."""
        try:
            self.read(value)
        except (TypeError, ValueError, OverflowError):
            return [
                UserError(
                    f"{name} is {_shortened(value)}, and must be {self.wanted}.",
                    f"Write {f'{self.option} {self.example}'.strip()}.",
                )
            ]
        return []


_LONGEST_VALUE = 60
"""Characters of a refused value that are repeated."""
_LIMITS = "limits"
"""The key of a field's limits in its metadata."""


def _shortened(value: object) -> str:
    text = "empty" if value in ("", (), []) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _limited(
    option: str, wanted: str, example: str, read: Callable[[Any], object], *, optional: bool = False
) -> Mapping[str, Limits]:
    """Return the metadata of a field; None is a value of one that is optional."""

    def read_or_none(value: object) -> object:
        return None if optional and value is None else read(value)

    return MappingProxyType(
        {_LIMITS: Limits(wanted=wanted, example=example, option=option, read=read_or_none)}
    )


def _whole(low: int, high: int | None = None) -> Callable[[Any], int]:
    """Return the reader of whole numbers from `low` to `high`; True is not 1."""

    def read(value: object) -> int:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
        if number < low or (high is not None and number > high):
            raise ValueError
        return number

    return read


def _real(value: object) -> float:
    """Return a finite number; raise for what is none."""
    if isinstance(value, bool | str) or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
        raise ValueError
    return number


def _temperature(value: object) -> float:
    if (number := _real(value)) < 0:
        raise ValueError
    return number + 0.0  # -0.0 is 0.0


def _top_p(value: object) -> float:
    if not 0 < (number := _real(value)) <= 1:
        raise ValueError
    return number


def _amount(value: object) -> float:
    if (number := _real(value)) <= 0:
        raise ValueError
    return number


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object) -> str:
    """Return a text that is not blank."""
    if not isinstance(value, str):
        raise TypeError
    if not value.strip():
        raise ValueError
    return value


def _message(value: object) -> str:
    """Return a text, which may be empty."""
    if not isinstance(value, str):
        raise TypeError
    return value


def _listed(value: object) -> Sequence[object]:
    """Return a list or tuple; a set has no order, a text is not a list of letters."""
    if not isinstance(value, list | tuple):
        raise TypeError
    return value


def _task_names(value: object) -> tuple[str, ...]:
    """Return the names of tasks, each once; a text is a comma list, as after `-t`."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
    names = tuple(dict.fromkeys(map(_text, _listed(value))))
    if not names:
        raise ValueError
    return names


def _path(value: object) -> str:
    """Return the name of a file or folder."""
    if not _is_path(value):
        raise ValueError
    return str(value) if isinstance(value, Path) else _text(value)


def _paths(value: object) -> tuple[str, ...]:
    return tuple(map(_path, [value] if isinstance(value, str | Path) else _listed(value)))


def _data(value: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(task): _paths(sources) for task, sources in value.items()}


def _file(value: object) -> Path:
    return Path(_path(value)).expanduser()


def _folders(value: object) -> tuple[Path, ...]:
    return tuple(Path(one).expanduser() for one in _paths(value))


_MAX_SEED = 2**64 - 1

# --- the settings ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSpec:
    """A user's choices. None leaves one to the stored run, the task or the default.

    Raises:
        UserError: if a value is not of the type, or not within the limits, of its setting;
            a `SeveralFaultsError` if several are not.
    """

    tasks: tuple[str, ...] = field(
        metadata=_limited("-t", "one or more names of tasks", "gsm8k,math500", _task_names)
    )
    samples: int = field(
        default=1,
        metadata=_limited(
            "-n", f"a whole number from 1 to {MAX_SAMPLES:,}", "4", _whole(1, MAX_SAMPLES)
        ),
    )
    limit: int | None = field(
        default=None,
        metadata=_limited(
            "--limit",
            f"a whole number from 1 to {MAX_ROWS:,}",
            "50",
            _whole(1, MAX_ROWS),
            optional=True,
        ),
    )
    """Maximum number of problems of each task: its first ones."""
    temperature: float | None = field(
        default=None,
        metadata=_limited(
            "--temperature", "a finite number of at least 0", "0.6", _temperature, optional=True
        ),
    )
    top_p: float | None = field(
        default=None,
        metadata=_limited(
            "--top-p", "a number above 0 and at most 1", "0.95", _top_p, optional=True
        ),
    )
    max_tokens: int | None = field(
        default=None,
        metadata=_limited(
            "--max-tokens",
            f"a whole number from 1 to {MOST_TOKENS:,}",
            "2048",
            _whole(1, MOST_TOKENS),
            optional=True,
        ),
    )
    """None: as stored; else what `pipeline/max_tokens.py` says of the model and the task."""
    think_budget: int | None = field(
        default=None,
        metadata=_limited(
            "--think-budget",
            f"a whole number from 1 to {MOST_TOKENS:,}",
            "1024",
            _whole(1, MOST_TOKENS),
            optional=True,
        ),
    )
    """Tokens of a thought after which it is ended by force; None: as stored, else never."""
    seed: int = field(
        default=0,
        metadata=_limited("--seed", "a whole number from 0 to 2^64 - 1", "1", _whole(0, _MAX_SEED)),
    )
    prompt: str | None = field(
        default=None,
        metadata=_limited("--prompt", "the id of a prompt", "ID", _text, optional=True),
    )
    """Id of the prompt form; None: by the kind of the model."""
    system: str | None = field(
        default=None,
        metadata=_limited("--system", "a text", "TEXT", _message, optional=True),
    )
    """The system message; empty for none, None for that of the prompt form."""
    data: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict,
        metadata=_limited("--data", "the files of tasks by their names", "gsm8k=test.jsonl", _data),
    )
    """Files of problems by task; under `TASK:shots` the solved problems of a few-shot prompt."""
    tasks_dirs: tuple[Path, ...] = field(
        default=(),
        metadata=_limited("--tasks-dir", "a folder, or a list of them", "mine", _folders),
    )
    second: str | None = field(
        default=None,
        metadata=_limited("--second", "the name of a grader", "number", _text, optional=True),
    )
    """A second grader for every task; None: the one that the task names, if any."""
    repair: bool = field(default=False, metadata=_limited("--repair", "True or False", "", _flag))
    """Whether what cannot be read in the run folder is set aside and made again."""
    adopt: bool = field(default=False, metadata=_limited("--adopt", "True or False", "", _flag))
    """Whether stored samples that do not say under which conditions they were made count as made
    under these."""
    prices: Path | None = field(
        default=None,
        metadata=_limited("--prices", "a file", "prices.yaml", _file, optional=True),
    )
    """The file of what tokens cost; see `pipeline/prices.py`."""
    max_cost: float | None = field(
        default=None,
        metadata=_limited("--max-cost", "a number above 0", "5", _amount, optional=True),
    )
    """What the run may cost in all its sessions; no request is sent that could exceed it."""
    accept_failures: bool = field(
        default=False, metadata=_limited("--accept-failures", "True or False", "", _flag)
    )
    """Whether a request that is itself at fault is closed as a sample without a text."""

    def __post_init__(self) -> None:
        """Check every setting, and store it as its limits read it."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        raise_faults(setting_faults(given).values())
        for name, limits in LIMITS.items():
            object.__setattr__(self, name, limits.read(given[name]))


LIMITS: Mapping[str, Limits] = MappingProxyType(
    {one.name: one.metadata[_LIMITS] for one in fields(RunSpec)}
)
"""What each setting may be, by its name."""


def setting_faults(settings: Mapping[str, object]) -> dict[str, UserError]:
    """Return what is wrong with settings, by their names; nothing of those that are right."""
    return {
        name: fault
        for name, value in settings.items()
        for fault in (
            LIMITS[name].faults(name, value)
            if name in LIMITS
            else [UnknownNameError("setting of a run", name, LIMITS)]
        )
    }


class Settings(TypedDict, total=False):
    """The settings of a run that may be left out, as Python's type checkers see them."""

    samples: int
    limit: int | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    think_budget: int | None
    seed: int
    prompt: str | None
    system: str | None
    data: Mapping[str, str | Path | Sequence[str | Path]]
    tasks_dirs: str | Path | Sequence[str | Path]
    second: str | None
    repair: bool
    adopt: bool
    prices: str | Path | None
    max_cost: float | None
    accept_failures: bool


# --- the other arguments of a call ------------------------------------------------------------


_MODEL = 'Write model="vllm:FOLDER", or another BACKEND:NAME.'


def call_faults(*, model: object, out: object, model_args: object) -> dict[str, UserError]:
    """Return what is wrong with what Python's callers give besides the settings, by its name.

    A command line holds only texts.
    """
    faults: dict[str, UserError] = {}
    if not isinstance(model, str):
        what = f"model is {_shortened(model)}, and must be a text."
        faults["model"] = UserError(what, _MODEL)
    if out is not None and not _is_path(out):
        what = f"out is {_shortened(out)}, and must be a folder."
        faults["out"] = UserError(what, 'Write out="run".')
    if model_args is not None and not _are_texts(model_args):
        faults["model_args"] = UserError(
            f"model_args is {_shortened(model_args)}, and must be texts by the names of options, "
            "as they are typed.",
            'Write model_args={"dtype": "bfloat16"}.',
        )
    return faults


def _is_path(value: object) -> bool:
    """Return whether a value can be the name of a file."""
    if not isinstance(value, str | Path) or "\0" in (text := str(value)):
        return False
    try:
        return len(os.fsencode(text)) > 0
    except UnicodeEncodeError:
        return False


def _are_texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(one, str) for pair in value.items() for one in pair
    )
