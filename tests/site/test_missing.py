"""What a site does not show is named with its reason, and nothing is that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from site_runs import make_run

from mathreason_eval.site.citations import TaskFacts
from mathreason_eval.site.leaderboard import columns
from mathreason_eval.site.missing import missing
from mathreason_eval.site.results import read_result


def result_of(folder, name, *, without=(), imported=False):
    """A result without some of its metrics."""
    result = read_result(make_run(folder / name, model=name), name, "shopping")[0]
    kept = tuple(metric for metric in result.metrics if metric.name not in without)
    entry = result.entry
    if imported:
        entry = replace(entry, prompt=replace(entry.prompt, sha256=None))
    manifest = replace(result.manifest, tasks={"shopping": entry})
    return replace(result, metrics=kept, manifest=manifest)


# fmt: off
CASES = [
    # of the first result            is named
    ({},                             []),
    ({"without": ["tokens"]},        ["tokens of 1 of 2 results"]),
    ({"without": ["truncated"]},     ["truncated samples of 1 of 2 results"]),
    ({"imported": True},             ["prompts of 1 of 2 results"]),
    ({"without": ["pass@2"]},        []),
]
# fmt: on


@pytest.mark.parametrize(("first", "named"), CASES)
def test_what_results_lack_is_named(tmp_path, first, named):
    results = [result_of(tmp_path, "a", **first), result_of(tmp_path, "b")]
    found = missing(columns(results), {"shopping": TaskFacts(task="shopping")})
    assert [one.what for one in found] == named
    assert all(one.why for one in found)


def test_what_all_lack_is_said_of_all(tmp_path):
    results = [result_of(tmp_path, name, without=["tokens"]) for name in "ab"]
    [found] = missing(columns(results), {})
    assert found.what == "tokens of all results"


def test_what_is_not_printed_is_named_with_its_licence(tmp_path):
    facts = {
        "a": TaskFacts(task="a", license="(c) somebody", printed=False),
        "b": TaskFacts(task="b", printed=False),
        "c": TaskFacts(task="c", license="MIT"),
    }
    found = missing(columns([result_of(tmp_path, "m")]), facts)
    assert [(one.what, one.why) for one in found] == [
        ("questions and prompts of a", "the licence does not allow it: (c) somebody"),
        ("questions and prompts of b", "by choice"),
    ]
