"""`mathreason run`: a model on some tasks, once, as a sweep, or until its score is known."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from math import prod
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mathreason_eval.cli.asking import AskingCommand, refuse, refused
from mathreason_eval.cli.options import (
    asking_options,
    named_model,
    run_settings,
    sweep_option,
    until_options,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, repeating, say
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE, EXIT_INCONCLUSIVE
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    from mathreason_eval.models import NamedModel
    from mathreason_eval.pipeline.preflight import Refused
    from mathreason_eval.pipeline.spec import RunSpec


@click.command(cls=AskingCommand)
@asking_options
@sweep_option
@until_options
@click.pass_context
def run(ctx: click.Context, /, model: str | None, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Run MODEL on the problems of some tasks, and grade its answers.

    MODEL is BACKEND:NAME: vllm:, hf:, llamacpp:FILE.gguf, openai:NAME@URL, lm_eval:TYPE,ARGS,
    replay:FILE, fake:… or demo, a small model that is installed as a package. The same command
    resumes.
    """
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.pipeline.plan import resolve_sampling
    from mathreason_eval.pipeline.preflight import spec_of
    from mathreason_eval.pipeline.run import run_tasks

    _check_kind(ctx, options)
    opener, wrong = named_model(model, options), refused(ctx)
    if options["sweep"]:
        return _sweep(opener, options, wrong)
    spec = spec_of(run_settings(options), opener, options["out"], wrong)
    if options["until"] is not None:
        return _until(spec, opener, options)
    # A folder that is to be repaired may have nothing that can be read before.
    stored = None if spec.repair else options["out"]
    if spec.samples > 1 and resolve_sampling(spec, stored).temperature == 0:
        note(
            f"warning: at temperature 0 {repeating(spec.samples)} sample 0 of each problem; "
            "take -n 1, or --temperature 0.6 and another -o"
        )
    with Progress() as progress:
        done = run_tasks(
            spec,
            opener,
            options["out"],
            watcher=progress,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        )
    SIGNALS.raise_received()
    with exit_code_kept():
        print_json(run_as_json(done)) if options["as_json"] else print_run(done)
    return EXIT_DONE


def _check_kind(ctx: click.Context, options: Mapping[str, Any]) -> None:
    """Note which of the options that make several runs, or several rounds of one, do not fit."""
    faults = {
        "until": (
            options["until"] is not None and bool(options["sweep"]),
            "--until and --sweep cannot be combined: run each of the grid.",
        ),
        "max_samples": (
            options["until"] is None and options["max_samples"] is not None,
            "--max-samples ends --until, which is not given; -n is a number.",
        ),
        "out": (
            bool(options["sweep"]) and options["out"] is None,
            "--sweep makes several runs: name the folder for them with -o.",
        ),
    }
    # A model must be typed, also where the sweep names others.
    for key in options["sweep"].keys() - {"model"}:
        name = key.replace("-", "_")
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            refuse(ctx, name, click.UsageError(f"--{key} is typed, and --sweep {key} varies it."))
    before = refused(ctx).names
    for name, (holds, says) in faults.items():
        if holds and before.isdisjoint({"until", "sweep", "max_samples", "out"}):
            refuse(ctx, name, click.UsageError(says))


def _until(spec: RunSpec, opener: NamedModel, options: Mapping[str, Any]) -> int:
    """Add samples until each task is known well enough, and print how well it is."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.cli.screens.until import as_json, lines
    from mathreason_eval.pipeline.until import (
        MOST,
        Reached,
        Until,
        UntilRequest,
        reached,
        run_until,
    )

    until = Until(half_width=options["until"], max_samples=options["max_samples"] or MOST)
    with ExitStack() as shown:

        def watch(looks: tuple[Reached, ...]) -> Progress:
            shown.close()
            for line in lines(looks, until):
                note(visible_line(line))
            return shown.enter_context(Progress())

        done = run_until(
            UntilRequest(spec=spec, opener=opener, until=until, out=options["out"]),
            watch=watch,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        )
    SIGNALS.raise_received()
    looks = reached(done, spec.tasks, until)
    with exit_code_kept():
        if options["as_json"]:
            print_json({**run_as_json(done), "until": as_json(looks, until)})
        else:
            print_run(done)
            for line in lines(looks, until):
                say(visible_line(line))
    return EXIT_DONE if all(one.enough for one in looks) else EXIT_INCONCLUSIVE


def _sweep(opener: NamedModel, options: Mapping[str, Any], wrong: Refused) -> int:
    """Run every combination of what `--sweep` names, and print how far they lie apart."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.sweep import print_sweep, sweep_as_json
    from mathreason_eval.pipeline.sweep import Axis, Cell, SweepRequest, sweep
    from mathreason_eval.runs.store import Run

    request = SweepRequest(
        axes=tuple(Axis(name=key, values=values) for key, values in options["sweep"].items()),
        settings=run_settings(options),
        opener=opener,
        out=options["out"],
        refused=wrong,
    )
    number, done = prod(len(axis.values) for axis in request.axes), list[tuple[Cell, Run]]()
    with ExitStack() as shown:

        def watch(cell: Cell) -> Progress:
            shown.close()
            note(f"{len(done) + 1} of {number}: {visible_line(cell.folder.name)}")
            return shown.enter_context(Progress())

        for cell, run in sweep(
            request,
            watch=watch,
            grading=(options["workers"], options["deadline"]),
            stop=SIGNALS.stop,
        ):
            done.append((cell, run))
    SIGNALS.raise_received()
    with exit_code_kept():
        print_json(sweep_as_json(done)) if options["as_json"] else print_sweep(done)
    return EXIT_DONE
