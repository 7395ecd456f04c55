"""Addresses of a run's samples on a site, for the site itself and for links into it."""

from __future__ import annotations

from urllib.parse import quote

from mathreason_eval.runs.store import Run
from mathreason_eval.text import page_name

SAMPLES_PER_PAGE = 100


def sample_links(run: Run, task: str, site: str) -> dict[str, str]:
    """Return the address on a site of each problem's samples, by problem id.

    The site is one that `mathreason leaderboard` built with this run among others, none of which
    has a folder of the same name.

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
    base = f"{root}/run/{page_name(run.path.resolve().name)}/{page_name(task)}-samples-"
    links, before = {}, 0
    for problem_id, count in counts.items():
        page = before // SAMPLES_PER_PAGE + 1
        links[problem_id] = f"{base}{page:03d}.html#{quote(page_name(problem_id))}"
        before += count
    return links
