"""What a gate asks for: `gate.yaml`, read strictly, with defaults that suit most runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.gate.looks import LookSchedule
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS

DEFAULT_FILE = Path("gate.yaml")
"""Read if it exists and no other file is named."""
_INCONCLUSIVE_CHOICES = ("skipped", "failure", "success")
_REGRESSION_CHOICES = ("any", "beyond-margin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a task's health metrics may change; None where one is not checked."""

    truncated: float | None = 0.02
    """Rise of the share of truncated samples."""
    no_answer: float | None = 0.02
    ungradable: float | None = 0.01
    tokens: float | None = 0.2
    """Relative change of the mean number of tokens, in either direction."""
    alpha: float = 0.001
    """Level of the test that a change beyond its limit is not chance."""

    @property
    def checked(self) -> Mapping[str, float]:
        """Return the limits that are checked, by metric."""
        limits = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: limit for name, limit in limits if name != "alpha" and limit is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRules:
    """What is asked of one task."""

    metric: str = PRIMARY
    """What is compared; `primary` for the metric that the task names."""
    margin: float = 0.01
    """The largest tolerable drop."""
    alpha: float = 0.01
    """One-sided level of either error."""
    beyond_margin: bool = False
    """Whether only a drop beyond the margin is a regression; else every drop is."""
    limits: Limits = field(default_factory=Limits)
    gated: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """What is asked of a run."""

    default_rules: TaskRules = field(default_factory=TaskRules)
    """For every task that has no rules of its own."""
    tasks: Mapping[str, TaskRules] = field(default_factory=dict)
    looks: LookSchedule | None = None
    """None for a single look at all samples."""
    inconclusive: str = _INCONCLUSIVE_CHOICES[0]
    """How JUnit reports an inconclusive task."""
    allow: frozenset[str] = frozenset()
    """Obstacles that do not prevent a comparison."""

    def rules_for(self, task: str) -> TaskRules:
        """Return the rules of a task; the default ones if the file does not name it."""
        return self.tasks.get(task, self.default_rules)


_HINT = "docs/gate.md shows every key."


def read_config(path: Path, *, margin: str | None = None, alpha: float | None = None) -> Config:
    """Return the configuration in a YAML file.

    Args:
        path: the file.
        margin: replaces the file's general margin, but not the margins of single tasks.
        alpha: the same for alpha.

    Raises:
        UserError: if it cannot be read, or has a key or value that is not known.
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
        reason = " ".join(str(error).split()).rstrip(".")
        raise UserError(f"{path} is not YAML: {reason}.", _HINT) from None
    return config_of({} if spec is None else spec, str(path), margin=margin, alpha=alpha)


def config_of(
    spec: object, where: str = "--", *, margin: str | None = None, alpha: float | None = None
) -> Config:
    """Return the configuration in a parsed file, as `read_config` does."""
    options = {"margin": margin, "alpha": alpha}
    given = {key: value for key, value in options.items() if value is not None}
    values = {**_mapping(spec, where), **given}
    _check_keys(values, (*_RULES, *_GENERAL, "samples", "spending", "health", "tasks"), where)
    default_rules = _task_rules(values, TaskRules(), where)
    tasks = _mapping(values.get("tasks"), f"{where}, tasks")
    return Config(
        default_rules=default_rules,
        tasks={
            str(name): _own_rules(rules, default_rules, f"{where}, tasks, {name}")
            for name, rules in tasks.items()
        },
        looks=_look_schedule(values, where),
        **_converted(values, _GENERAL, where),
    )


def _own_rules(spec: object, default: TaskRules, where: str) -> TaskRules:
    """Return the rules of a task that the file names."""
    if spec is False:
        # YAML reads `off` as false.
        return replace(default, gated=False)
    values = _mapping(spec, where)
    _check_keys(values, (*_RULES, "health"), where)
    return _task_rules(values, default, where)


def _task_rules(values: Mapping[str, Any], default: TaskRules, where: str) -> TaskRules:
    limits = _mapping(values.get("health"), f"{where}, health")
    _check_keys(limits, tuple(_LIMITS), f"{where}, health")
    rules = _converted(values, _RULES, where)
    if "regression" in rules:
        rules["beyond_margin"] = rules.pop("regression") == "beyond-margin"
    limits = _converted(limits, _LIMITS, f"{where}, health")
    return replace(default, limits=replace(default.limits, **limits), **rules)


def _look_schedule(values: Mapping[str, Any], where: str) -> LookSchedule | None:
    given = values.get("samples")
    if given is None:
        return None
    counts = given if isinstance(given, list) else [given]
    positive = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in counts)
    if not counts or not positive or counts != sorted(set(counts)):
        raise UserError(
            f"{where}: samples is {given!r}, not increasing whole numbers.", "Write [8, 16, 32]."
        )
    spending = values.get("spending", SPENDING_FUNCTIONS[0])
    if spending not in SPENDING_FUNCTIONS:
        raise UnknownNameError(f"spending in {where}", str(spending), SPENDING_FUNCTIONS)
    return LookSchedule(samples=tuple(counts), spending=spending)


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


# --- values ----------------------------------------------------------------------------------

_Converters = Mapping[str, Callable[[Any], object]]
"""By key; one that raises a ValueError says what is wrong with the value."""


def _converted(values: Mapping[str, Any], converters: _Converters, where: str) -> dict[str, Any]:
    """Return the values of the keys that have a converter, converted."""
    converted = {}
    for key, convert in converters.items():
        if key not in values:
            continue
        try:
            converted[key] = convert(values[key])
        except ValueError as error:
            raise UserError(f"{where}: {key}: {values[key]!r} {error}.", _HINT) from None
    return converted


_SHARE = re.compile(r"([0-9]*\.?[0-9]+)\s*(pp|%)?")


def _share(value: object, suffix: str = "pp") -> float:
    """Return a share from `1pp` or `0.01`; with the suffix `%`, a relative change from `20%`."""
    found = _SHARE.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool) or found[2] not in {None, suffix}:
        raise ValueError(f"is no amount such as {'20%' if suffix == '%' else '1pp or 0.01'}")
    return float(found[1]) / (100 if found[2] else 1)


def _margin(value: object) -> float:
    share = _share(value)
    if not 0 < share < 1:
        raise ValueError("is not between 0 and 1; one percentage point is 1pp or 0.01")
    return share


def _limit(value: object, suffix: str = "pp") -> float | None:
    return None if value is False else _share(value, suffix)


_MAX_ALPHA = 0.5


def _alpha(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004  reported as any other wrong value
    if not 0 < value < _MAX_ALPHA:
        raise ValueError(f"is not between 0 and {_MAX_ALPHA}")
    return float(value)


def _metric(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is no name")  # noqa: TRY004  as above
    if value in _LIMITS:
        raise ValueError("is monitored under health; it is not a score that may drop")
    return value


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value not in known:
        raise ValueError(f"is none of {', '.join(known)}")
    return str(value)


OBSTACLES = ("version", "data", "prompt", "problems", "rules", "missing")
"""Differences that make two runs incomparable unless they are allowed."""


def obstacles_of(names: Sequence[object]) -> frozenset[str]:
    """Return obstacles by their names.

    Raises:
        UnknownNameError: if there is no such obstacle.
    """
    for name in names:
        if name not in OBSTACLES:
            raise UnknownNameError("obstacle to allow", str(name), OBSTACLES)
    return frozenset(map(str, names))


_RULES: _Converters = {
    "metric": _metric,
    "margin": _margin,
    "alpha": _alpha,
    "regression": partial(_one_of, _REGRESSION_CHOICES),
}
"""Keys of a task's rules, with the functions that convert their values."""
_GENERAL: _Converters = {
    "inconclusive": partial(_one_of, _INCONCLUSIVE_CHOICES),
    "allow": lambda value: obstacles_of(value if isinstance(value, list) else [value]),
}
_LIMITS: _Converters = {
    **dict.fromkeys(("truncated", "no_answer", "ungradable"), _limit),
    "tokens": partial(_limit, suffix="%"),
    "alpha": _alpha,
}
