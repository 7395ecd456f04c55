"""What is known of a task besides its results: licence, source, and how to cite it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mathreason_eval.errors import UserError
from mathreason_eval.tasks import load_task


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFacts:
    """Licence and paper of a task; empty where they are not known."""

    task: str
    license: str = ""
    source: str = ""
    paper: str = ""
    printed: bool = True
    """Whether its problems may be printed."""

    @property
    def bibtex(self) -> str:
        """Return an entry that cites it; empty if it has no paper."""
        found = re.search(r"\d{4}\.\d{4,5}", self.paper)
        if found is None:
            return ""
        identifier = found[0]
        paper = _PAPERS.get(identifier, _Paper())
        fields = {
            "title": f"{{{paper.title}}}" if paper.title else "",
            "author": paper.authors,
            "year": f"20{identifier[:2]}",
            "eprint": identifier,
            "archivePrefix": "arXiv",
        }
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items() if text)
        return f"@misc{{{_key(paper.authors, identifier)},\n{lines}\n}}"


def _key(authors: str, identifier: str) -> str:
    first = authors.partition(" and ")[0].rpartition(" ")[2]
    return f"{first.lower()}20{identifier[:2]}" if first else f"arxiv{identifier}"


def task_facts(task: str, hidden: Iterable[str] = ()) -> TaskFacts:
    """Return what is known of a task: of one that is not installed only its name.

    Args:
        task: its name.
        hidden: tasks whose problems are not to be printed, whatever their licence says.
    """
    try:
        known = load_task(task)
    except UserError:
        return TaskFacts(task=task, printed=task not in hidden)
    return TaskFacts(
        task=task,
        license=known.license,
        source=known.source,
        paper=known.paper,
        printed=known.printed and task not in hidden,
    )


def bibliography(facts: Iterable[TaskFacts]) -> str:
    """Return the BibTeX entries of tasks as a file, each once, in the order of the tasks."""
    return "\n\n".join(dict.fromkeys(one.bibtex for one in facts if one.bibtex)) + "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Paper:
    title: str = ""
    authors: str = ""


_PAPERS = {
    "2110.14168": _Paper(
        title="Training Verifiers to Solve Math Word Problems",
        authors=(
            "Karl Cobbe and Vineet Kosaraju and Mohammad Bavarian and Mark Chen and "
            "Heewoo Jun and Lukasz Kaiser and Matthias Plappert and Jerry Tworek and "
            "Jacob Hilton and Reiichiro Nakano and Christopher Hesse and John Schulman"
        ),
    ),
    "2103.03874": _Paper(
        title="Measuring Mathematical Problem Solving With the MATH Dataset",
        authors=(
            "Dan Hendrycks and Collin Burns and Saurav Kadavath and Akul Arora and Steven "
            "Basart and Eric Tang and Dawn Song and Jacob Steinhardt"
        ),
    ),
    "2305.20050": _Paper(
        title="Let's Verify Step by Step",
        authors=(
            "Hunter Lightman and Vineet Kosaraju and Yura Burda and Harri Edwards and "
            "Bowen Baker and Teddy Lee and Jan Leike and John Schulman and Ilya Sutskever "
            "and Karl Cobbe"
        ),
    ),
    "2410.23123": _Paper(
        title="On Memorization of Large Language Models in Logical Reasoning",
        authors=(
            "Chulin Xie and Yangsibo Huang and Chiyuan Zhang and Da Yu and Xinyun Chen "
            "and Bill Yuchen Lin and Bo Li and Badih Ghazi and Ravi Kumar"
        ),
    ),
    "2410.03117": _Paper(
        title="ProcBench: Benchmark for Multi-Step Reasoning and Following Procedure",
        authors=(
            "Ippei Fujisawa and Sensho Nobe and Hiroki Seto and Rina Onda and Yoshiaki "
            "Uchida and Hiroki Ikoma and Pei-Chun Chien and Ryota Kanai"
        ),
    ),
    "2412.06559": _Paper(
        title="ProcessBench: Identifying Process Errors in Mathematical Reasoning",
        authors=(
            "Chujie Zheng and Zhenru Zhang and Beichen Zhang and Runji Lin and Keming Lu "
            "and Bowen Yu and Dayiheng Liu and Jingren Zhou and Junyang Lin"
        ),
    ),
    "2503.18018": _Paper(
        title="Lost in Cultural Translation: Do LLMs Struggle with Math Across Cultural Contexts?",
        authors=(
            "Aabid Karim and Abdul Karim and Bhoomika Lohana and Matt Keon and Jaswinder "
            "Singh and Abdul Sattar"
        ),
    ),
}
"""The papers of our tasks, by their arXiv identifier."""
