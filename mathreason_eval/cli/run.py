"""`mathreason run`: a model on some tasks, once, as a sweep, or until its score is known."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from mathreason_eval.cli.options import (
    asking_options,
    model_options,
    run_settings,
    sweep_option,
    until_options,
)
from mathreason_eval.cli.screens import exit_code_kept, note, print_json, repeating, say
from mathreason_eval.cli.signals import SIGNALS
from mathreason_eval.errors import EXIT_DONE, EXIT_INCONCLUSIVE
from mathreason_eval.text import visible_line

if TYPE_CHECKING:
    pass


@click.command()
@asking_options
@sweep_option
@until_options
def run(model: str, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Run MODEL on the problems of some tasks, and grade its answers.

    MODEL is BACKEND:NAME: vllm:, hf:, llamacpp:FILE.gguf, openai:NAME@URL, lm_eval:TYPE,ARGS,
    replay:FILE, fake:… or demo, a small model that is installed as a package. The same command
    resumes.
    """
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.plan import resolve_sampling
    from mathreason_eval.pipeline.preflight import spec_of
    from mathreason_eval.pipeline.run import run_tasks

    _check_kind(options)
    if options["sweep"]:
        return _sweep(model, options)
    if options["until"] is not None:
        return _until(model, options)
    opener = NamedModel(name=UserModel(model), options=model_options(options))
    spec = spec_of(run_settings(options), opener, options["out"])
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


def _check_kind(options: Mapping[str, Any]) -> None:
    """Check that the options that make several runs, or several rounds of one, go together."""
    if options["until"] is not None and options["sweep"]:
        raise click.UsageError("--until and --sweep cannot be combined: run each of the grid.")
    if options["until"] is None and options["max_samples"] is not None:
        raise click.UsageError("--max-samples ends --until, which is not given; -n is a number.")


def _until(model: str, options: Mapping[str, Any]) -> int:
    """Add samples until each task is known well enough, and print how well it is."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.runs import print_run, run_as_json
    from mathreason_eval.cli.screens.until import as_json, lines
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.preflight import spec_of
    from mathreason_eval.pipeline.until import (
        MOST,
        Reached,
        Until,
        UntilRequest,
        reached,
        run_until,
    )

    opener = NamedModel(name=UserModel(model), options=model_options(options))
    spec = spec_of(run_settings(options), opener, options["out"])
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


def _sweep(model: str, options: Mapping[str, Any]) -> int:
    """Run every combination of what `--sweep` names, and print how far they lie apart."""
    from mathreason_eval.cli.screens.progress import Progress
    from mathreason_eval.cli.screens.sweep import print_sweep, sweep_as_json
    from mathreason_eval.models import NamedModel, UserModel
    from mathreason_eval.pipeline.sweep import Axis, Cell, SweepRequest, cells, sweep
    from mathreason_eval.runs.store import Run

    if options["out"] is None:
        raise click.UsageError("--sweep makes several runs: name the folder for them with -o.")
    request = SweepRequest(
        axes=tuple(Axis(name=key, values=values) for key, values in options["sweep"].items()),
        settings=run_settings(options),
        opener=NamedModel(name=UserModel(model), options=model_options(options)),
        out=options["out"],
    )
    number, done = len(cells(request)), list[tuple[Cell, Run]]()
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
