"""Addresses on a site, for the site itself and for links into it.

An address is computed from what it shows, never from the order or the names of folders, so it does
not change when other runs are added to the site.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from mathreason_eval.runs.manifest import identity, short_name
from mathreason_eval.runs.store import Run
from mathreason_eval.text import page_name, slug
from mathreason_eval.types import ModelEntry, Problem

SAMPLES_PER_PAGE = 100
_LONGEST_NAME = 60
"""Characters of a model's or a problem's name in an address; the digest makes it unique."""


def run_address(run: Run) -> str:
    """Return a run's name in addresses: its model, and a digest of what the run is.

    That is model, sampling, seed, and per task its version, prompt and data. Of two runs that agree
    in all of it, the time at which they began decides, or for imports, which have no such time,
    the first sample of each task. More samples, other verdicts and another folder change nothing.
    """
    manifest = run.manifest
    content: dict[str, object] = {
        **identity(manifest),
        **{f"{name} data": entry.data.sha256 for name, entry in manifest.tasks.items()},
        "origin": _first_samples(run) if manifest.unkeyed else manifest.started,
    }
    return _named(short_name(manifest.model), json.dumps(content, sort_keys=True, default=str))


def _first_samples(run: Run) -> list[object]:
    firsts = {task: next(iter(run.stream(task)), None) for task in sorted(run.tasks())}
    return [
        (task, first.problem_id, first.sample, first.texts_digest.hex())
        for task, first in firsts.items()
        if first is not None
    ]


def run_addresses(runs: Sequence[Run]) -> list[str]:
    """Return the name in addresses of each run, all different.

    Only copies of one run, and what such copies grew to, have equal names; they get a number.
    """
    named = [run_address(run) for run in runs]
    by_name: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(named):
        by_name[name].append(place)
    for name, places in by_name.items():
        ordered = sorted(places, key=lambda place: (folder_address(runs[place].path), place))
        for number, place in enumerate(ordered[1:], 2):
            named[place] = f"{name}-{number}"
    return named


def folder_address(path: Path) -> str:
    """Return the name that a run's folder had in addresses up to version 0.1.0."""
    return page_name(path.resolve().name)


def model_address(model: ModelEntry) -> str:
    """Return the name in addresses of the model of that name."""
    return _named(short_name(model), model.name)


def task_address(task: str) -> str:
    """Return a task's name in addresses, also where letter case is ignored."""
    if task == task.lower():
        return page_name(task)
    return _named(task, task)


def problem_address(problem: Problem) -> str:
    """Return a problem's name in addresses: another question or gold is another problem."""
    return _named(problem.id, problem.content)


def _named(name: str, content: str) -> str:
    digest = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    # A dot is kept in a number, as in `Qwen2.5`; elsewhere it could read as a host's name.
    plain = re.sub(r"\.(?!\d)|(?<!\d)\.", "-", name)
    return f"{slug(plain, _LONGEST_NAME)}--{digest[:10]}"


def samples_address(run: str, task: str, page: int) -> str:
    """Return the address of a page of samples from the site's root.

    Args:
        run: the run's name in addresses.
        task: the task's name in addresses.
        page: the number of the page, from 1.
    """
    return f"run/{run}/{task}-samples-{page:03d}.html"


def sample_links(run: Run, task: str, site: str) -> dict[str, str]:
    """Return the address on a site of each problem's samples, by problem id.

    The site is one that `mathreason leaderboard` built with this run among others.

    Args:
        run: the run.
        task: the task.
        site: the site's address.
    """
    counts: dict[str, int] = {problem.id: 0 for problem in run.problems(task)}
    for problem_id, _ in {(one.problem_id, one.sample) for one in run.infos(task)}:
        counts[problem_id] = counts.get(problem_id, 0) + 1
    # No character may end the Markdown link that contains the address.
    root = quote(site.rstrip("/"), safe="/:?&=#%~@+,;")
    name, links, before = run_address(run), dict[str, str](), 0
    for problem_id, count in counts.items():
        page = samples_address(name, task_address(task), before // SAMPLES_PER_PAGE + 1)
        links[problem_id] = f"{root}/{page}#{quote(page_name(problem_id))}"
        before += count
    return links


def earlier_addresses(
    runs: Iterable[Run], addresses: Iterable[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return by the name that a folder had in addresses the present names of its runs."""
    found: dict[str, list[str]] = defaultdict(list)
    for run, address in zip(runs, addresses, strict=True):
        found[folder_address(run.path)].append(address)
    return {name: tuple(sorted(own)) for name, own in found.items()}
