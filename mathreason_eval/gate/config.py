"""The settings of a gate: `gate.yaml`, read strictly, and the defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from mathreason_eval.errors import UnknownNameError, UserError
from mathreason_eval.gate.looks import LookSchedule
from mathreason_eval.gate.margins import AUTO
from mathreason_eval.runs.descriptors import open_named
from mathreason_eval.stats.estimands import Estimand
from mathreason_eval.stats.metrics import PRIMARY
from mathreason_eval.stats.multiplicity import SPENDING_FUNCTIONS
from mathreason_eval.text.documents import DocumentError, parse_yaml
from mathreason_eval.text.limits import MAX_SAMPLES, MAX_YAML_BYTES

DEFAULT_FILE = Path("gate.yaml")
"""The file that is read, if it exists, when --config is not given."""
_INCONCLUSIVE_CHOICES = ("skipped", "failure", "success")
_REGRESSION_CHOICES = ("any", "beyond-margin")
_WEIGHTS = ("task", "problem")
_ESTIMANDS = {"auto": None, "these": Estimand.THESE, "new": Estimand.NEW}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a task's health metrics may change; None if one is not checked."""

    truncated: float | None = 0.02
    """Maximum rise of the fraction of truncated samples."""
    no_answer: float | None = 0.02
    ungradable: float | None = 0.01
    tokens: float | None = 0.2
    """Maximum relative change of the mean number of tokens, in either direction."""
    alpha: float = 0.001
    """Level of the test of a change beyond its limit."""

    @property
    def checked(self) -> Mapping[str, float]:
        """Return the limits that are checked, by metric."""
        limits = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: limit for name, limit in limits if name != "alpha" and limit is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRules:
    """The settings of the gate for one task."""

    metric: str = PRIMARY
    """The metric that is compared; `primary` for the task's own."""
    margin: float = 0.01
    """The largest tolerable drop; `AUTO` until it is found."""
    alpha: float = 0.01
    """One-sided level of either error."""
    beyond_margin: bool = False
    """Whether only a drop beyond the margin is a regression; if false, every drop is."""
    estimand: Estimand | None = None
    """Which question decides; None for these problems from two samples in both runs on."""
    required: bool = False
    """Whether the task itself must pass; if false, the suite's pass is enough."""
    advisory: bool = False
    """Whether its answer is shown only, and nothing depends on it."""
    limits: Limits = field(default_factory=Limits)
    gated: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteRules:
    """The settings of the row of all tasks together."""

    margin: float
    """The largest tolerable drop of the mean over tasks."""
    by_problem: bool = False
    """Whether every problem weighs the same; else every task does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The settings of the gate for a run."""

    default_rules: TaskRules = field(default_factory=TaskRules)
    """The settings for every task that has none of its own."""
    tasks: Mapping[str, TaskRules] = field(default_factory=dict)
    suite: SuiteRules | None = field(default_factory=lambda: SuiteRules(margin=TaskRules().margin))
    """None if every task must pass by itself."""
    looks: LookSchedule | None = None
    """None for a single look at all samples."""
    inconclusive: str = _INCONCLUSIVE_CHOICES[0]
    """How JUnit reports an inconclusive task."""
    allow: frozenset[str] = frozenset()
    """Obstacles to a comparison that are allowed, by name."""

    def rules_for(self, task: str) -> TaskRules:
        """Return the settings of a task: the defaults if the file does not name it."""
        return self.tasks.get(task, self.default_rules)


_HINT = "docs/gate.md shows every key."


def read_config(path: Path, *, margin: str | None = None, alpha: float | None = None) -> Config:
    """Return the configuration in a YAML file.

    Args:
        path: the file.
        margin: overrides the file's general margin, but not the margins of single tasks.
        alpha: the same for alpha.

    Raises:
        UserError: if it cannot be read, or has a key or value that is not known.
    """
    try:
        with os.fdopen(open_named(path), "rb") as file:
            spec = parse_yaml(file.read(MAX_YAML_BYTES + 1))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check --config.") from None
    except DocumentError as error:
        where = str(path) if error.line is None else f"{path}, line {error.line}"
        raise UserError(f"{where} {error}.", _HINT) from None
    return config_of({} if spec is None else spec, str(path), margin=margin, alpha=alpha)


def config_of(
    spec: object,
    where: str = "the defaults",
    *,
    margin: str | None = None,
    alpha: float | None = None,
) -> Config:
    """Return the configuration in a parsed file; see `read_config`."""
    options = {"margin": margin, "alpha": alpha}
    given = {key: value for key, value in options.items() if value is not None}
    values = {**_mapping(spec, where), **given}
    _check_keys(
        values, (*_RULES, *_GENERAL, "samples", "spending", "health", "tasks", "suite"), where
    )
    for key in given:
        # A slip on the command line is not one in the file.
        _converted(given, {key: _RULES[key]}, f"--{key}")
    default_rules = _task_rules(values, TaskRules(), where)
    tasks = _mapping(values.get("tasks"), f"{where}, tasks")
    return Config(
        default_rules=default_rules,
        tasks={
            str(name): _own_rules(rules, default_rules, f"{where}, tasks, {name}")
            for name, rules in tasks.items()
        },
        suite=_suite_rules(values.get("suite"), default_rules, f"{where}, suite"),
        looks=_look_schedule(values, where),
        **_converted(values, _GENERAL, where),
    )


def _own_rules(spec: object, default: TaskRules, where: str) -> TaskRules:
    """Return the settings of a task that the file names."""
    if spec is False:
        # YAML reads `off` as false.
        return replace(default, gated=False)
    values = _mapping(spec, where)
    _check_keys(values, (*_RULES, "health"), where)
    return _task_rules(values, default, where)


def _suite_rules(spec: object, default: TaskRules, where: str) -> SuiteRules | None:
    if spec is False:
        return None
    values = _mapping(spec, where)
    _check_keys(values, tuple(_SUITE), where)
    given = _converted(values, _SUITE, where)
    return SuiteRules(
        margin=given.get("margin", default.margin),
        by_problem=given.get("weights", _WEIGHTS[0]) == _WEIGHTS[1],
    )


def _task_rules(values: Mapping[str, Any], default: TaskRules, where: str) -> TaskRules:
    limits = _mapping(values.get("health"), f"{where}, health")
    _check_keys(limits, tuple(_LIMITS), f"{where}, health")
    rules = _converted(values, _RULES, where)
    if "regression" in rules:
        rules["beyond_margin"] = rules.pop("regression") == "beyond-margin"
    if "estimand" in rules:
        rules["estimand"] = _ESTIMANDS[rules["estimand"]]
    if rules.get("required") and rules.get("advisory"):
        raise UserError(
            f"{where}: a task is either required or advisory.",
            "A required one must pass by itself; of an advisory one the answer is only shown.",
        )
    # What a task says itself overrides the other word of the general settings.
    for word, other in (("required", "advisory"), ("advisory", "required")):
        if rules.get(word):
            rules[other] = False
    limits = _converted(limits, _LIMITS, f"{where}, health")
    return replace(default, limits=replace(default.limits, **limits), **rules)


MAX_LOOKS = 100
"""Looks of a schedule; the level of each is found from those before it."""


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
    if len(counts) > MAX_LOOKS or counts[-1] > MAX_SAMPLES:
        raise UserError(
            f"{where}: samples has {len(counts):,} looks, the last at {counts[-1]:,}.",
            f"Write at most {MAX_LOOKS} looks, at {MAX_SAMPLES:,} samples a problem at most.",
        )
    spending = values.get("spending", SPENDING_FUNCTIONS[0])
    if spending not in SPENDING_FUNCTIONS:
        raise UnknownNameError(f"spending in {where}", str(spending), SPENDING_FUNCTIONS)
    return LookSchedule(samples=tuple(counts), spending=spending)


def _mapping(spec: object, where: str) -> Mapping[str, Any]:
    if spec is None:
        return {}
    if not isinstance(spec, Mapping):
        raise UserError(f"{where} is not a mapping of keys to values.", _HINT)
    return spec


def _check_keys(values: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in values:
        if key not in known:
            raise UnknownNameError(f"key in {where}", str(key), known)


# --- values ----------------------------------------------------------------------------------

_Converters = Mapping[str, Callable[[Any], object]]
"""By key, the function that converts a value or raises a ValueError with what is wrong."""


def _converted(values: Mapping[str, Any], converters: _Converters, where: str) -> dict[str, Any]:
    """Return the values of the keys that have a converter, converted."""
    converted = {}
    for key, convert in converters.items():
        if key not in values:
            continue
        try:
            converted[key] = convert(values[key])
        except ValueError as error:
            said = where if where == f"--{key}" else f"{where}: {key}"
            raise UserError(f"{said}: {values[key]!r} {error}.", _HINT) from None
    return converted


_SHARE = re.compile(r"([0-9]{0,20}\.?[0-9]{1,20})\s{0,3}(pp|%)?")


def _share(value: object, suffix: str = "pp") -> float:
    """Return the fraction of `1pp`, `1%` or `0.01`.

    A share of samples has both signs, as scores are in per cent; a relative change, such as that of
    tokens, only `%`.
    """
    found = _SHARE.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool) or found[2] not in {None, "%", suffix}:
        raise ValueError(f"is not an amount such as {'20%' if suffix == '%' else '1pp or 0.01'}")
    return float(found[1]) / (100 if found[2] else 1)


def _margin(value: object) -> float:
    if value == "auto":
        return AUTO
    share = _share(value)
    if not 0 < share < 1:
        raise ValueError("is not between 0 and 1; one percentage point is 1pp or 0.01")
    return share


def _limit(value: object, suffix: str = "pp") -> float | None:
    return None if value is False else _share(value, suffix)


_MAX_ALPHA = 0.5


def _alpha(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")  # noqa: TRY004  reported as any other wrong value
    if not 0 < value < _MAX_ALPHA:
        raise ValueError(f"is not between 0 and {_MAX_ALPHA}")
    return float(value)


def _metric(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a name")  # noqa: TRY004  as above
    if value in _LIMITS:
        raise ValueError("is monitored under health; it is not a score that may drop")
    return value


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value not in known:
        raise ValueError(f"is not one of {', '.join(known)}")
    return str(value)


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is not true or false")  # noqa: TRY004  as above
    return value


OBSTACLES = ("version", "data", "prompt", "problems", "rules", "sampling", "missing")
"""Names of the differences that make two runs incomparable unless they are allowed."""


def obstacles_of(names: Sequence[object]) -> frozenset[str]:
    """Return names as a set of obstacles.

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
    "estimand": partial(_one_of, tuple(_ESTIMANDS)),
    "required": _yes_or_no,
    "advisory": _yes_or_no,
}
"""Keys of a task's settings, with the functions that convert their values."""
_SUITE: _Converters = {"margin": _margin, "weights": partial(_one_of, _WEIGHTS)}
_GENERAL: _Converters = {
    "inconclusive": partial(_one_of, _INCONCLUSIVE_CHOICES),
    "allow": lambda value: obstacles_of(value if isinstance(value, list) else [value]),
}
_LIMITS: _Converters = {
    **dict.fromkeys(("truncated", "no_answer", "ungradable"), _limit),
    "tokens": partial(_limit, suffix="%"),
    "alpha": _alpha,
}
