"""A gate's answer as JUnit XML, which every CI can show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from mathreason_eval.gate.health import Check, State
from mathreason_eval.gate.judging import Answer, Judgement, TaskJudgement
from mathreason_eval.gate.wording import check_words, headline, reasons
from mathreason_eval.text import visible

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(judgement: Judgement) -> str:
    """Return the answer as one test suite: a test case for each task and each limit of health.

    A regression is a failure, what is not comparable an error; what is inconclusive is skipped
    unless the config says otherwise.
    """
    suite = ET.Element("testsuite", name="mathreason gate")
    for task in judgement.tasks:
        suite.append(_task_case(task, judgement.config.inconclusive))
        suite.extend(_check_case(task.task, check) for check in task.checks)
    if not judgement.tasks:
        suite.append(_case("gate", "tasks", ("error", "; ".join(judgement.notes))))
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    suites = ET.Element("testsuites", name=_clean(headline(judgement)))
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _task_case(task: TaskJudgement, inconclusive: str) -> ET.Element:
    said = "; ".join(_scores_alone(task))
    tags = {
        Answer.REGRESSION: "failure",
        Answer.NOT_COMPARABLE: "error",
        Answer.INCONCLUSIVE: {"failure": "failure", "skipped": "skipped"}.get(inconclusive),
    }
    tag = tags.get(task.answer)
    return _case(task.task, task.rules.metric, (tag, f"{task.answer}: {said}"))


def _scores_alone(task: TaskJudgement) -> Iterator[str]:
    """Yield the reasons of the scores; limits of health have test cases of their own."""
    of_health = {check_words(check) for check in task.checks}
    yield from (reason for reason in reasons(task) if reason not in of_health)


def _check_case(task: str, check: Check) -> ET.Element:
    tag = "failure" if check.state is State.BROKEN else None
    return _case(task, f"health: {check.name}", (tag, check_words(check)))


def _case(task: str, name: str, found: tuple[str | None, str]) -> ET.Element:
    """Return one test case, given (the tag of its result, if it has one, and what is said)."""
    tag, said = found
    case = ET.Element("testcase", classname=_clean(task), name=_clean(name))
    if tag is None:
        ET.SubElement(case, "system-out").text = _clean(said)
    else:
        ET.SubElement(case, tag, message=_clean(said))
    return case


def _clean(text: str) -> str:
    """Return a text that XML can hold: a name from outside may have any character."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text))
