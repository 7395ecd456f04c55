"""`mathreason regrade`: stored generations judged again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mathreason_eval.cli.options import (
    PATH,
    grading_options,
    json_option,
    second_option,
    tasks_dir_option,
)
from mathreason_eval.cli.screens import exit_code_kept, print_json
from mathreason_eval.errors import EXIT_DONE


@click.command()
@click.argument("path", metavar="RUN", type=PATH)
@tasks_dir_option
@grading_options
@second_option
@json_option
def regrade(path: Path, *, as_json: bool, **options: Any) -> int:  # noqa: ANN401  as above
    """Judge the stored generations of RUN again; show which verdicts flipped.

    Without --second, the second grader that RUN was judged with is used again.
    """
    from mathreason_eval.cli.screens.runs import print_regrading, regrading_as_json
    from mathreason_eval.pipeline.grading import regrade as regrade_run

    done = regrade_run(path, **options)
    with exit_code_kept():
        print_json(regrading_as_json(done)) if as_json else print_regrading(done)
    return EXIT_DONE
