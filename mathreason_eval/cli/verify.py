"""`mathreason verify`, `check` and `serve-grader`: the grader without a run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from mathreason_eval.cli.options import (
    PATH,
    data_option,
    grading_options,
    json_option,
    key_value,
    tasks_dir_option,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, say, say_json, stdout
from mathreason_eval.cli.screens.streams import is_stdout_lost
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE, EXIT_WANTING, DataError, UserError
from mathreason_eval.types import Match

if TYPE_CHECKING:
    from mathreason_eval.pipeline.check import TaskCheck


@click.command()
@click.option("--gold", "golds", multiple=True, help="The correct answer; repeat it for several.")
@click.option("--answer", help="An answer, already extracted.")
@click.option("--output", help="A model's text, from which the answer is extracted.")
@click.option(
    "--jsonl",
    "path",
    metavar="FILE",
    help="Grade the rows of a JSONL file, with gold and answer or output; - reads stdin.",
)
@click.option("--grader", default="math", help="The grader; docs/grading.md lists them.")
@click.option(
    "--convention",
    "conventions",
    type=key_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="A convention, e.g. units=required; docs/grading.md lists them. May be repeated.",
)
@grading_options
@json_option
def verify(
    golds: tuple[str, ...],
    path: str | None,
    conventions: tuple[tuple[str, str], ...],
    *,
    as_json: bool,
    **options: Any,  # noqa: ANN401  click hands over what it parsed
) -> None:
    """Grade without a run: is this answer the gold?"""
    from mathreason_eval.text.documents import DocumentError, parse_yaml

    # On the command line every value is text; YAML parses numbers, true and false.
    try:
        convention = {name: parse_yaml(value.encode()) for name, value in conventions}
    except (DocumentError, UnicodeEncodeError) as error:
        raise click.UsageError(f"The value of a --convention {error}.") from None
    if path is not None:
        defaults = {"grader": options["grader"], "convention": convention}
        _verify_rows(path, defaults, options["workers"], options["deadline"])
        return
    if not golds or (options["answer"] is None) == (options["output"] is None):
        raise click.UsageError("Give --gold and either --answer or --output, or --jsonl FILE.")
    from mathreason_eval.grade.verify import verify as match_of
    from mathreason_eval.maths.compare.convention import Convention

    match = match_of(
        golds,
        convention=Convention.of(convention),
        **{name: options[name] for name in ("answer", "output", "grader", "deadline")},
    )
    print_json(asdict(match)) if as_json else _print_match(match)


def _print_match(match: Match) -> None:
    console = stdout()
    equal = {True: "equal", False: "not equal", None: "undecided"}[match.equal]
    console.print(equal, style="bold")
    answer = "none found" if match.answer is None else match.answer
    where = f", characters {match.span[0]}-{match.span[1]}" if match.span else ""
    console.print(f"answer    {answer}{where}", soft_wrap=True)
    console.print(f"because   {match.rule}: {match.note}", soft_wrap=True)


def _verify_rows(path: str, defaults: Mapping[str, object], workers: int, deadline: float) -> None:
    """Print the judgement of each row of a file; `-` reads stdin."""
    from mathreason_eval.grade.verify import verify_rows

    if path == "-" and sys.stdin is None:
        raise DataError("Stdin is closed.", "Pipe the rows to it, or name their file.")
    try:
        lines = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115  closed below
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    with lines:
        for verdict in verify_rows(
            _parse_rows(lines, defaults), workers=workers, deadline=deadline
        ):
            say_json(verdict)
            if is_stdout_lost():
                break


def _parse_rows(lines: BinaryIO, defaults: Mapping[str, object]) -> Iterator[Any]:
    """Yield each line's object, with defaults for its missing keys; an invalid line as a text."""
    from mathreason_eval.text.jsonl import read_lines

    for line in read_lines(lines):
        row = f"not JSON: {line.error}" if line.error else line.value
        yield {**defaults, **row} if isinstance(row, dict) else row


@click.command()
@click.argument("names", metavar="[TASK]…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Check every task.")
@click.option(
    "--lock",
    "locks",
    is_flag=True,
    help="Write lock.json: what the version of the task is of. Refused where the task changed and "
    "its version did not.",
)
@click.option(
    "--hub",
    is_flag=True,
    help="Read the problems from the task's hub; what cannot be reached is not checked.",
)
@click.option(
    "--evidence",
    type=PATH,
    metavar="FOLDER",
    help="Published outputs: check the parity record of the tasks on those that are there.",
)
@data_option
@tasks_dir_option
@json_option
def check(names: tuple[str, ...], **options: Any) -> int:  # noqa: ANN401  what click parsed
    """Check tasks without a model.

    The gold is accepted, another problem's gold mostly is not, prompts render and contain the
    question, and the outputs of cases.jsonl get the outcomes given there.
    """
    from mathreason_eval.pipeline.check import check_task
    from mathreason_eval.tasks import load_task, task_names
    from mathreason_eval.tasks.lock import write_lock

    tasks_dirs = options["tasks_dirs"]
    chosen = task_names(tasks_dirs) if options["everything"] else names
    if not chosen:
        raise click.UsageError("Name a task, or use --all.")
    loaded = {name: load_task(name, tasks_dirs) for name in chosen}
    if options["locks"]:
        for task in loaded.values():
            note(f"wrote {write_lock(task)}")
    done = {
        name: check_task(
            task, options["data"].get(name, ()), options["evidence"], hub=options["hub"]
        )
        for name, task in loaded.items()
    }
    passed = all(one.ok for checks in done.values() for one in checks)
    with exit_code_kept():
        if options["as_json"]:
            print_json({name: [asdict(one) for one in checks] for name, checks in done.items()})
        else:
            _print_checks(done)
    return EXIT_DONE if passed else EXIT_WANTING


_MARKS = {
    (True, True): ("✓", "green"),
    (True, False): ("–", "yellow"),
    (False, True): ("✗", "red"),
}
"""By whether a check is passed, and whether there was anything to look at."""


def _print_checks(done: Mapping[str, Sequence[TaskCheck]]) -> None:
    console = stdout()
    for name, checks in done.items():
        console.print(name, style="bold")
        for one in checks:
            sign, style = _MARKS[one.ok, one.looked]
            console.print(f"{sign} {one.name:<12} {one.note}", style=style, soft_wrap=True)


_POLL = 0.1
"""Seconds between two looks whether a signal came."""


@click.command("serve-grader")
@click.option("--host", default="127.0.0.1", help="The address to listen at; 0.0.0.0: all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8017, help="0: a free one.")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name by which clients call this machine. May be repeated.",
)
@click.option("--grader", default="math", help="The grader of rows that name none.")
@click.option(
    "--max-rows", type=click.IntRange(min=1), default=4096, help="Rows of a request at most."
)
@click.option(
    "--max-waiting",
    type=click.IntRange(min=1),
    default=16384,
    help="Rows in all that wait or are judged; more are refused with status 503.",
)
@click.option("--max-clients", type=click.IntRange(min=1), default=64, help="Connections at once.")
@grading_options
def serve_grader(
    host: str,
    port: int,
    names: tuple[str, ...],
    **options: Any,  # noqa: ANN401  as above
) -> None:
    """Serve the grader over HTTP, for trainers that call a service.

    To this machine only, unless --host says otherwise. POST /verify judges a row of `verify
    --jsonl`, or a list of them; GET /health says how many wait. docs/reward.md has examples.
    """
    from mathreason_eval.cli.grader_server import GraderServer, Limits, Place
    from mathreason_eval.grade.graders import grader_named
    from mathreason_eval.reward.rows import JudgingOptions

    grader_named(options["grader"])
    judging = JudgingOptions(**{n: options[n] for n in ("grader", "workers", "deadline")})
    limits = Limits(
        rows=options["max_rows"],
        waiting=options["max_waiting"],
        connections=options["max_clients"],
    )
    try:
        server = GraderServer(Place(host=host, port=port, names=names), judging, limits)
    except OSError as error:
        raise UserError(
            f"Nothing can listen at {host}, port {port}: {error.strerror}.",
            "Choose another --port or --host.",
        ) from None
    with server, SIGNALS.stop.heeding():
        Thread(target=server.serve_forever, daemon=True).start()
        say(f"{server.address}/verify  (stop with Ctrl-C)")
        while not SIGNALS.received:
            time.sleep(_POLL)
        server.shutdown()
        server.wait()
    SIGNALS.raise_received()
