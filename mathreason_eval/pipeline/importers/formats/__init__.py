"""The formats of other programs' logs, a module each."""

from __future__ import annotations

from mathreason_eval.pipeline.importers.formats import (
    evalscope,
    every_eval_ever,
    inspect_ai,
    lighteval,
    lm_eval,
    matharena,
    nemo_evaluator,
    nemo_skills,
    openai_batch,
    opencompass,
    trl,
    verifiers,
    verl,
)

FORMATS = {
    module.FORMAT.name: module.FORMAT
    for module in (
        *(lm_eval, lighteval, inspect_ai, evalscope, opencompass, nemo_skills, nemo_evaluator),
        *(matharena, every_eval_ever, openai_batch, verl, trl, verifiers),
    )
}
"""Every format of logs by name, in the order in which they are tried."""
