"""How trainers that are not installed here call a reward, as read in their sources.

A row is a call with the objects that it passes, and the file and commit that it was read in;
`docs/reward.md` names the same. Where a trainer changes, the row is what to read again.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from project import ROOT

from mathreason_eval.reward import nemo, slime

RIGHT, WRONG, CUT = r"So \boxed{7}.", r"So \boxed{8}.", "3 + 4 is 7"


class Status(Enum):
    """THUDM/slime, slime/utils/types.py, 0d234f3: `Sample.Status`."""

    PENDING = "pending"
    COMPLETED = "completed"
    TRUNCATED = "truncated"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass
class Sample:
    """The fields of slime's `Sample` that a reward may read, from the same file."""

    response: str = ""
    label: str | None = None
    status: Status = Status.PENDING
    prompt: str | list[dict[str, str]] = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def sample(response, status=Status.COMPLETED, label="7"):
    return Sample(response=response, label=label, status=status)


WORKER = nemo.VerifyWorker()
PAIR = ([RIGHT, WRONG], ["7", "7"])
REPLY = {"output": [{"type": "message", "role": "assistant",
                     "content": [{"type": "output_text", "text": RIGHT}]}]}  # fmt: skip
BODY = {"responses_create_params": {"input": []}, "expected_answer": "7", "response": REPLY}

SLIME = ("THUDM/slime", "slime/rollout/rm_hub/__init__.py", "0b420f1")
RL = "NVIDIA-NeMo/RL", "nemo_rl/environments/math_environment.py"
RL_BY_PLACE, RL_BY_NAME = (*RL, "00294d9"), (*RL, "2e0bbf1")
GYM = ("NVIDIA-NeMo/Gym", "nemo_gym/base_resources_server.py", "011c338")

# fmt: off
CALLS = [
    # where it was read; the function, what is passed by place and by name; what comes back
    (SLIME, slime.custom_rm, (None, sample(RIGHT)), {}, 1.0),
    (SLIME, slime.custom_rm, (None, sample(WRONG)), {"evaluation": True}, 0.0),
    (SLIME, slime.custom_rm, (None, sample(CUT, Status.TRUNCATED)), {}, 0.0),
    (SLIME, slime.custom_rm, (None, sample(CUT, Status.ABORTED)), {}, 0.0),
    (SLIME, slime.custom_rm, (None, sample(CUT, Status.COMPLETED)), {}, 1.0),
    (SLIME, slime.custom_rm, (None, sample(RIGHT, label=None)), {}, 0.0),
    (SLIME, slime.custom_rm, (None, [sample(RIGHT), sample(WRONG)]), {}, [1.0, 0.0]),  # a group
    (SLIME, slime.custom_rm, (None, []), {}, []),
    (RL_BY_PLACE, WORKER.verify, (*PAIR, False, "hf_math_verify"), {}, [1.0, 0.0]),
    (RL_BY_PLACE, WORKER.verify, (*PAIR, True, "hf_math_verify"), {}, ([1.0, 0.0], [None, None])),
    (RL_BY_NAME, WORKER.verify, (*PAIR, False), {"math_verify_impl": "dapo"}, [1.0, 0.0]),
    (RL_BY_NAME, WORKER.verify, ([], [], False), {"math_verify_impl": None}, []),  # an idle worker
    (GYM, nemo.verify, (BODY,), {}, {**BODY, "reward": 1.0}),
]
# fmt: on


@pytest.mark.parametrize(("source", "function", "args", "named", "wanted"), CALLS)
def test_a_trainer_calls_its_function_as_its_source_does(source, function, args, named, wanted):
    del source
    found = function(*args, **named)
    if inspect.isawaitable(found):

        async def awaited():
            return await found

        found = asyncio.run(awaited())
    assert found == wanted


@pytest.mark.parametrize("source", sorted({row[0] for row in CALLS}))
def test_the_documentation_names_what_was_read(source):
    repository, path, commit = source
    text = (ROOT / "docs" / "reward.md").read_text(encoding="utf-8")
    assert f"`{repository}`, `{path}`" in text
    assert commit in text
