"""`mathreason doctor`: what is wrong with a run, before it begins."""

from __future__ import annotations

from typing import Any

import click

from mathreason_eval.cli.asking import AskingCommand, refused
from mathreason_eval.cli.options import asking_options, named_model, run_settings
from mathreason_eval.cli.screens import exit_code_kept, print_json
from mathreason_eval.errors import EXIT_DONE, EXIT_USER_ERROR


@click.command(cls=AskingCommand)
@asking_options
@click.pass_context
def doctor(ctx: click.Context, /, model: str | None, **options: Any) -> int:  # noqa: ANN401  click hands over what it parsed
    """Check what a run of MODEL needs, without loading it or asking it anything.

    The options are those of `run`. Everything that would keep the run from starting is a fault, and
    the exit code 2. What a chat template does wrong, and stop strings that would cut answers, are
    warnings.
    """
    from dataclasses import asdict

    from mathreason_eval.cli.screens.doctor import print_findings
    from mathreason_eval.pipeline.preflight import examine_asked, template_findings

    opener = named_model(model, options)
    facts, found = examine_asked(run_settings(options), opener, options["out"], refused(ctx))
    findings = [*found.findings, *template_findings(found, facts)]
    code = EXIT_USER_ERROR if found.faults else EXIT_DONE
    with exit_code_kept():
        if options["as_json"]:
            print_json([asdict(one) for one in findings])
        else:
            print_findings(findings)
    return code
