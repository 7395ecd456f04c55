"""What a gate asks for: `gate.yaml`, read strictly, with defaults that are right for most."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.gate.looks import Looks
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS

DEFAULT_FILE = Path("gate.yaml")
"""Read where no other is named, if it is there."""
OBSTACLES = ("version", "data", "prompt", "problems", "rules", "missing")
"""What keeps two runs from being compared unless it is allowed."""

_SHARE = re.compile(r"([0-9]*\.?[0-9]+)\s*(pp|%)?")
_HINT = "docs/gate.md shows every key."
_LARGEST_ALPHA = 0.5
_REGRESSIONS = {"any": False, "beyond-margin": True}
_INCONCLUSIVE = ("skipped", "failure", "success")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a task's health may change; None where it is not watched."""

    truncated: float | None = 0.02
    """Rise of the share of truncated samples."""
    no_answer: float | None = 0.02
    ungradable: float | None = 0.01
    tokens: float | None = 0.2
    """Change of the mean number of tokens, either way, by what it was."""
    alpha: float = 0.001
    """Level at which a change beyond its limit must be no chance."""

    @property
    def watched(self) -> Mapping[str, float]:
        """Return the limits by the metric that each is of, those that are watched."""
        named = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: limit for name, limit in named if name != "alpha" and limit is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRules:
    """What is asked of one task."""

    metric: str = PRIMARY
    """What is compared; `primary` for what the task names."""
    margin: float = 0.01
    """The largest tolerable fall."""
    alpha: float = 0.01
    """One-sided level of either error."""
    beyond_margin: bool = False
    """Whether only a fall beyond the margin is a regression; else every fall is."""
    limits: Limits = field(default_factory=Limits)
    gated: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """What is asked of a run."""

    usual: TaskRules = field(default_factory=TaskRules)
    """Of every task that has no rules of its own."""
    tasks: Mapping[str, TaskRules] = field(default_factory=dict)
    looks: Looks | None = None
    """When the evidence is looked at; None for once."""
    inconclusive: str = _INCONCLUSIVE[0]
    """What JUnit is told where there is not enough evidence."""
    allow: frozenset[str] = frozenset()
    """Obstacles that keep nothing from being compared."""

    def of(self, task: str) -> TaskRules:
        """Return the rules of a task."""
        return self.tasks.get(task, self.usual)


def read_config(path: Path, *, margin: str | None = None, alpha: float | None = None) -> Config:
    """Return what a file asks for.

    Args:
        path: the YAML file.
        margin: in place of the file's general margin; what a task says for itself stays.
        alpha: the same for alpha.

    Raises:
        UserError: if it cannot be read, or says something that is not understood.
    """
    import yaml

    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check --config.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{path}, line {line} is not YAML: {error.problem}.", _HINT) from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path} is not YAML: {_one_line(error)}.", _HINT) from None
    return config_of({} if spec is None else spec, str(path), margin=margin, alpha=alpha)


def config_of(
    spec: object, where: str = "--", *, margin: str | None = None, alpha: float | None = None
) -> Config:
    """Return what a parsed file asks for, as `read_config` does."""
    typed = {"margin": margin, "alpha": alpha}
    own = {key: value for key, value in typed.items() if value is not None}
    values = _mapping({**_mapping(spec, where), **own}, where)
    _check_keys(values, (*_OF_A_TASK, *_OF_ALL, "health", "tasks"), where)
    usual = _task_rules(values, TaskRules(), where)
    tasks = _mapping(values.get("tasks"), f"{where}, tasks")
    return Config(
        usual=usual,
        tasks={
            str(name): _named_rules(rules, usual, f"{where}, tasks, {name}")
            for name, rules in tasks.items()
        },
        looks=_looks(values, where),
        **_converted(values, _ENTRIES, where),
    )


# --- the parts of a file ---------------------------------------------------------------------


def _named_rules(spec: object, usual: TaskRules, where: str) -> TaskRules:
    if spec is False:
        # YAML reads `off` as false.
        return replace(usual, gated=False)
    values = _mapping(spec, where)
    _check_keys(values, (*_OF_A_TASK, "health"), where)
    return _task_rules(values, usual, where)


def _task_rules(values: Mapping[str, Any], usual: TaskRules, where: str) -> TaskRules:
    limits = _mapping(values.get("health"), f"{where}, health")
    _check_keys(limits, tuple(_LIMITS), f"{where}, health")
    return replace(
        usual,
        limits=replace(usual.limits, **_converted(limits, _LIMITS, f"{where}, health")),
        **{
            _OF_A_TASK[key]: value for key, value in _converted(values, _TASK_VALUES, where).items()
        },
    )


def _looks(values: Mapping[str, Any], where: str) -> Looks | None:
    given = values.get("samples")
    if given is None:
        return None
    counts = given if isinstance(given, list) else [given]
    rising = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in counts)
    if not counts or not rising or counts != sorted(set(counts)):
        raise UserError(
            f"{where}: samples is {given!r}, not whole numbers that rise.", "Write [8, 16, 32]."
        )
    kind = values.get("spending", SPENDING_FUNCTIONS[0])
    if kind not in SPENDING_FUNCTIONS:
        raise UnknownNameError(f"spending in {where}", str(kind), SPENDING_FUNCTIONS)
    return Looks(samples=tuple(counts), spending=kind)


# --- values ----------------------------------------------------------------------------------


def _margin(value: object) -> float:
    share = _share(value, percent=False)
    if not 0 < share < 1:
        raise ValueError("is not between 0 and 1; one percentage point is 1pp or 0.01")
    return share


def _limit(value: object) -> float | None:
    return None if value is False else _share(value, percent=False)


def _relative_limit(value: object) -> float | None:
    return None if value is False else _share(value, percent=True)


def _share(value: object, *, percent: bool) -> float:
    """Return a share from `1pp`, `0.01` or, of what is relative, `20%`."""
    found = _SHARE.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool) or found[2] == ("pp" if percent else "%"):
        raise ValueError(f"is no amount such as {'20%' if percent else '1pp or 0.01'}")
    return float(found[1]) / (100 if found[2] else 1)


def _alpha(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004  all of them are caught as one kind
    if not 0 < value < _LARGEST_ALPHA:
        raise ValueError(f"is not between 0 and {_LARGEST_ALPHA}")
    return float(value)


def _metric(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is no name")  # noqa: TRY004  as above
    if value in _LIMITS:
        raise ValueError("is watched under health, and is no score that may fall")
    return value


def _regression(value: object) -> bool:
    if value not in _REGRESSIONS:
        raise ValueError(f"is neither of {', '.join(_REGRESSIONS)}")
    return _REGRESSIONS[str(value)]


def _inconclusive(value: object) -> str:
    if value not in _INCONCLUSIVE:
        raise ValueError(f"is none of {', '.join(_INCONCLUSIVE)}")
    return str(value)


def obstacles_of(names: Sequence[object]) -> frozenset[str]:
    """Return obstacles by their names.

    Raises:
        UnknownNameError: if there is no such obstacle.
    """
    for name in names:
        if name not in OBSTACLES:
            raise UnknownNameError("obstacle to allow", str(name), OBSTACLES)
    return frozenset(map(str, names))


def _allow(value: object) -> frozenset[str]:
    return obstacles_of(value if isinstance(value, list) else [value])


_OF_A_TASK = {
    "metric": "metric",
    "margin": "margin",
    "alpha": "alpha",
    "regression": "beyond_margin",
}
"""Keys of a task's rules, with the names of their fields."""
_OF_ALL = ("samples", "spending", "inconclusive", "allow")
_Converters = Mapping[str, Callable[[object], object]]
_TASK_VALUES: _Converters = {
    "metric": _metric,
    "margin": _margin,
    "alpha": _alpha,
    "regression": _regression,
}
_ENTRIES: _Converters = {"inconclusive": _inconclusive, "allow": _allow}
_LIMITS: _Converters = {
    "truncated": _limit,
    "no_answer": _limit,
    "ungradable": _limit,
    "tokens": _relative_limit,
    "alpha": _alpha,
}

KeyT = TypeVar("KeyT", bound=str)


def _converted(values: Mapping[str, Any], how: _Converters, where: str) -> dict[str, Any]:
    made = {}
    for key, convert in how.items():
        if key not in values:
            continue
        try:
            made[key] = convert(values[key])
        except ValueError as error:
            raise UserError(f"{where}: {key}: {values[key]!r} {error}.", _HINT) from None
    return made


def _mapping(spec: object, where: str) -> Mapping[str, Any]:
    if spec is None:
        return {}
    if not isinstance(spec, Mapping):
        raise UserError(f"{where} is no mapping of keys to values.", _HINT)
    return spec


def _check_keys(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            raise UnknownNameError(f"key in {where}", str(key), known)


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
