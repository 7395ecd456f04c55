"""A judgement for other programs: JSON, JUnit XML, Markdown, and GitHub's workflow commands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from xml.etree import ElementTree as ET

from mathreason_eval.compare.contrast import Flip
from mathreason_eval.gate.config import Config, TaskRules
from mathreason_eval.gate.health import LimitCheck, LimitState
from mathreason_eval.gate.judging import Conclusion, Judgement, SuiteJudgement, TaskJudgement
from mathreason_eval.gate.margins import is_auto
from mathreason_eval.gate.wording import (
    SIGNS,
    SURE,
    describe_check,
    format_bounds,
    format_margin,
    format_points,
    format_share,
    headline,
    next_step,
    notes,
    reasons,
    suite_reasons,
)
from mathreason_eval.runs.addresses import sample_links
from mathreason_eval.runs.store import Run
from mathreason_eval.stats.decision import Decision
from mathreason_eval.stats.metrics import DEFAULT_METRIC
from mathreason_eval.text import visible


def as_json(judgement: Judgement) -> dict[str, object]:
    """Return the judgement as plain values, with all figures and flips."""
    return {
        "answer": str(judgement.conclusion),
        "sentence": headline(judgement),
        "run": _run(judgement.after),
        "baseline": _run(judgement.before),
        "remarks": judgement.notes,
        "next_look": judgement.next_look,
        "suite": judgement.suite and _suite(judgement.suite, judgement.config.default_rules),
        "tasks": [_task(task) for task in judgement.tasks],
    }


def _run(run: Run) -> dict[str, object]:
    return {"path": str(run.path), "model": asdict(run.manifest.model)}


def _suite(suite: SuiteJudgement, rules: TaskRules) -> dict[str, object]:
    return {
        "answer": str(suite.conclusion),
        "margin": suite.rules.margin,
        "weights": "problem" if suite.rules.by_problem else "task",
        "tasks": suite.tasks,
        "before": suite.before,
        "after": suite.after,
        "unchanged_passes": suite.unchanged,
        "decision": _decision(suite.decision),
        "reasons": list(suite_reasons(suite, rules)),
    }


def _decision(decision: Decision) -> dict[str, object]:
    """Return a decision; names of keys that are older than those of the fields are a contract."""
    answer = decision.decided
    return {
        "call": answer.call,
        "estimand": str(answer.estimand),
        "difference": asdict(decision.difference),
        "lower": answer.lower,
        "upper": answer.upper,
        "fall_p": answer.regression_p,
        "fall_level": decision.regression_alpha,
        "pass_p": answer.pass_p,
        "pass_level": decision.pass_alpha,
        "none_lost": decision.none_lost,
        "answers": [asdict(one) for one in decision.answers],
    }


def _task(task: TaskJudgement) -> dict[str, object]:
    look, decision, required = task.look, task.decision, task.required
    return {
        "task": task.task,
        "answer": str(task.conclusion),
        "metric": task.rules.metric,
        "turned": task.turned,
        "margin": None if is_auto(task.rules.margin) else task.rules.margin,
        "alpha": task.rules.alpha,
        "beyond_margin": task.rules.beyond_margin,
        "obstacles": task.obstacles,
        "remarks": task.notes,
        "reasons": list(reasons(task)),
        "look": look and {"number": look.number, "looks": look.total, "samples": look.samples},
        "samples": task.samples,
        "before": task.before,
        "after": task.after,
        "sensitive": task.is_sensitive if decision else None,
        "required": task.alone,
        "advisory": task.rules.advisory,
        "unchanged_passes": task.unchanged,
        "decision": decision and _decision(decision),
        "health": [asdict(check) for check in task.checks],
        "settling": required
        and {
            "more": str(required.feasible),
            "samples": required.samples,
            "problems": required.problems,
        },
        "flips": [{**asdict(flip), "lost": flip.lost} for flip in task.flips],
    }


# --- JUnit -----------------------------------------------------------------------------------


def junit(judgement: Judgement) -> str:
    """Return JUnit XML: one test suite with a test case for each task and each health limit.

    A regression is a failure, a task that is not comparable an error; an inconclusive task is
    skipped unless the config says otherwise.
    """
    suite = ET.Element("testsuite", name="mathreason gate")
    if judgement.suite is not None:
        suite.append(_suite_case(judgement.suite, judgement.config))
    for task in judgement.tasks:
        # Where the suite passes, an open task is only told of.
        as_pass = judgement.suite is not None and not task.alone
        suite.append(_task_case(task, "success" if as_pass else judgement.config.inconclusive))
        suite.extend(_check_case(task, check) for check in task.checks)
    if not judgement.tasks:
        suite.append(_case("gate", "tasks", "error", "; ".join(judgement.notes)))
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    suites = ET.Element("testsuites", name=_xml_text(headline(judgement)))
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _tag(conclusion: Conclusion, inconclusive: str) -> str | None:
    tags = {
        Conclusion.REGRESSION: "failure",
        Conclusion.NOT_COMPARABLE: "error",
        Conclusion.INCONCLUSIVE: None if inconclusive == "success" else inconclusive,
    }
    return tags.get(conclusion)


def _suite_case(suite: SuiteJudgement, config: Config) -> ET.Element:
    text = "; ".join(suite_reasons(suite, config.default_rules))
    tag = _tag(suite.conclusion, config.inconclusive)
    return _case("suite", "mean of the tasks", tag, f"{suite.conclusion}: {text}")


def _task_case(task: TaskJudgement, inconclusive: str) -> ET.Element:
    # Health limits have their own test cases.
    of_health = {describe_check(check) for check in task.checks}
    text = "; ".join(reason for reason in reasons(task) if reason not in of_health)
    tag = _counted(task, _tag(task.conclusion, inconclusive))
    name = (
        task.label.removeprefix(f"{task.task}, ")
        if task.rules.metric != DEFAULT_METRIC
        else (DEFAULT_METRIC)
    )
    return _case(task.task, name, tag, f"{task.conclusion}: {text}")


def _check_case(task: TaskJudgement, check: LimitCheck) -> ET.Element:
    tag = _counted(task, "failure" if check.state is LimitState.BROKEN else None)
    return _case(task.task, f"health: {check.name}", tag, describe_check(check))


def _counted(task: TaskJudgement, tag: str | None) -> str | None:
    """Return the tag of a result: that of an advisory task fails no report."""
    return tag if tag is None or task.counts else "skipped"


def _case(task: str, name: str, tag: str | None, text: str) -> ET.Element:
    """Return one test case; the tag is that of its result, None for a success."""
    case = ET.Element("testcase", classname=_xml_text(task), name=_xml_text(name))
    if tag is None:
        ET.SubElement(case, "system-out").text = _xml_text(text)
    else:
        ET.SubElement(case, tag, message=_xml_text(text))
    return case


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml_text(text: str) -> str:
    """Return a text that is valid in XML: an untrusted name may have any character."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))


# --- Markdown --------------------------------------------------------------------------------


def markdown(judgement: Judgement, site: str | None = None) -> str:
    """Return Markdown for the summary of a CI step: a table, the reasons, the flipped problems.

    Args:
        judgement: the judgement to format.
        site: the address of a built site that shows the run.
    """
    return "\n".join((*_head(judgement), *_reasons(judgement), *_flips(judgement, site))) + "\n"


def _head(judgement: Judgement) -> Iterator[str]:
    yield f"## {SIGNS[judgement.conclusion]} Gate: {escape_markdown(headline(judgement))}"
    yield ""
    after, before = (run.manifest.model.name for run in (judgement.after, judgement.before))
    yield f"{_as_code(str(after))} against {_as_code(str(before))}"
    yield ""
    yield "| task | answer | before % | after % | change, pp | bounds, pp | margin, pp | health |"
    yield "|---|---|--:|--:|--:|--:|--:|---|"
    if judgement.suite is not None:
        yield _suite_row(judgement.suite)
    yield from map(_row, judgement.tasks)
    yield ""


def _suite_row(suite: SuiteJudgement) -> str:
    conclusion = f"{SIGNS[suite.conclusion]} {suite.conclusion}"
    figures = _figures(suite.before, suite.after, suite.decision)
    return (
        f"| **suite** | {conclusion} | {' | '.join(figures)} | {100 * suite.rules.margin:g} | – |"
    )


def _figures(before: float, after: float, decision: Decision) -> list[str]:
    change = format_points(decision.decided.value)
    return [f"{100 * before:.1f}", f"{100 * after:.1f}", change, format_bounds(decision)]


def _row(task: TaskJudgement) -> str:
    health = "✗ broken" if task.broken else "✓" if task.checks else "–"
    figures = ["–"] * 4
    if task.decision is not None:
        figures = _figures(task.before, task.after, task.decision)
    conclusion = f"{SIGNS[task.conclusion]} {task.conclusion}"
    margin = format_margin(task.rules.margin).removesuffix(" pp")
    return f"| {' | '.join((escape_markdown(task.label), conclusion, *figures, margin, health))} |"


_MAX_REASON = 400
"""Maximum characters of a reason in Markdown and in a workflow command."""


def _reasons(judgement: Judgement) -> Iterator[str]:
    if judgement.suite is not None:
        for reason in suite_reasons(judgement.suite, judgement.config.default_rules):
            yield f"- **suite**: {escape_markdown(reason, _MAX_REASON)}"
    for task in judgement.tasks:
        for reason in reasons(task):
            yield f"- **{escape_markdown(task.task)}**: {escape_markdown(reason, _MAX_REASON)}"
    for line in filter(None, (*notes(judgement), next_step(judgement))):
        yield f"- {escape_markdown(line, _MAX_REASON)}"
    yield ""


_MAX_FLIPS = 20
"""Maximum number of flipped problems listed per task and direction; --json has all."""


def _flips(judgement: Judgement, site: str | None) -> Iterator[str]:
    for task in judgement.tasks:
        links = sample_links(judgement.after, task.task, site) if site and task.flips else {}
        questions = {one.id: one.question for one in judgement.after.problems(task.task)}
        name = escape_markdown(task.task)
        for lost, verb in ((True, "lost"), (False, "gained")):
            found = [flip for flip in task.flips if flip.lost is lost]
            if found:
                yield f"<details><summary>{name}: {len(found)} {verb}</summary>"
                yield ""
                for flip in found[:_MAX_FLIPS]:
                    yield _flip(flip, task.samples, links, questions)
                if len(found) > _MAX_FLIPS:
                    yield f"- and {len(found) - _MAX_FLIPS} more"
                yield ""
                yield "</details>"
                yield ""


def _flip(
    flip: Flip, samples: tuple[int, int], links: Mapping[str, str], questions: Mapping[str, str]
) -> str:
    name = _as_code(flip.problem_id)
    if flip.problem_id in links:
        name = f"[{name}]({links[flip.problem_id]})"
    before, after = format_share(flip.before, samples[0]), format_share(flip.after, samples[1])
    sure = SURE if flip.is_sure else ""
    return f"- {name} {before} → {after}{sure}: {_as_code(questions.get(flip.problem_id, ''))}"


_MAX_TEXT = 160
"""Maximum characters of a question."""
_ACTIVE = re.compile(r"([\\`*_{}\[\]()<>#+.!|~&@:$^-])")
"""Characters with a meaning in Markdown, HTML, mentions or URLs."""


def escape_markdown(text: str, length: int = _MAX_TEXT) -> str:
    """Return an untrusted text on one line, shortened, without active Markdown or HTML."""
    line = re.sub(r"\s+", " ", visible(text[: 2 * length])).strip()
    cut = line if len(line) <= length and len(text) <= 2 * length else f"{line[:length]}…"
    return _ACTIVE.sub(lambda found: f"&#{ord(found[1])};", cut)


def _as_code(text: str) -> str:
    """Return an untrusted text as code, in which mentions and URLs do not become links."""
    return f"<code>{escape_markdown(text)}</code>"


# --- workflow commands -----------------------------------------------------------------------

_COMMANDS = {
    Conclusion.PASS: "notice",
    Conclusion.REGRESSION: "error",
    Conclusion.INCONCLUSIVE: "warning",
    Conclusion.NOT_COMPARABLE: "error",
}


def workflow_commands(judgement: Judgement) -> Iterator[str]:
    """Yield GitHub's workflow commands that annotate a run of a workflow.

    One for every task that does not pass, unless the suite does and that is enough; one for every
    broken limit, and one for the conclusion.
    """
    for task in judgement.tasks:
        is_told = task.conclusion is not Conclusion.PASS and (
            judgement.conclusion is not Conclusion.PASS or task.is_missed
        )
        if is_told:
            kind = _COMMANDS[task.conclusion] if task.counts else "notice"
            yield _command(kind, task.label, "; ".join(reasons(task)))
        else:
            for check in task.broken:
                kind = "error" if task.counts else "notice"
                yield _command(kind, task.label, describe_check(check))
    yield _command(_COMMANDS[judgement.conclusion], "mathreason gate", headline(judgement))


def _command(kind: str, title: str, text: str) -> str:
    """Return one command, escaped so that neither the title nor the text ends early."""
    name = _escape_command(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={name}::{_escape_command(text)}"


def _escape_command(text: str) -> str:
    shown = visible(text)[:_MAX_REASON]
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
