"""The program that renders one chat template, within limits that the system keeps.

A template comes with a checkpoint: loops in loops, powers and repeated texts need no more than a
line. A process of its own is the one bound that no construct of Jinja gets around. It is run as a
file, so that it imports nothing of the package: a JSON object comes on stdin, another leaves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

CPU_SECONDS = 2
"""Seconds of computing for a rendering, the program's start included; real ones take 0.1 s."""
MEMORY = 512 << 20
"""Bytes of the program; a tenth of it is Python and Jinja."""
MAX_LENGTH = 2_000_000
"""Maximum characters of a prompt."""

_GENERATION_TAGS = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")
"""Marks of what a training learns from, which write nothing."""


class _RefusedError(Exception):
    """What a template raises by itself."""


def main() -> None:
    """Write the text of the template on stdin, or why there is none, as `text` or `refused`."""
    asked = json.load(sys.stdin)
    _limit()
    try:
        text = _rendered(asked["source"], asked["given"])
        found = {"text": text}
        if len(text) > MAX_LENGTH:
            found = {"refused": f"its text is longer than {MAX_LENGTH:,} characters"}
    except MemoryError:
        found = {"refused": f"it takes more than {MEMORY >> 20} MiB of memory"}
    # A template is another's code: whatever it raises is a refusal of these messages.
    except Exception as error:  # noqa: BLE001
        found = {"refused": " ".join(str(error).split())[:MAX_LENGTH] or type(error).__name__}
    json.dump(found, sys.stdout)


def _limit() -> None:
    """Have the system end this process when it computes too long, and refuse it more memory."""
    # Where there are no such limits, the parent's clock is left.
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _rendered(source: str, given: Mapping[str, object]) -> str:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Prompts are plain text: escaping would change them.
    environment: Any = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    return str(environment.from_string(_GENERATION_TAGS.sub("", source)).render(**given))


def _refuse(message: str) -> NoReturn:
    raise _RefusedError(message)


def _now(form: str) -> str:
    return dt.datetime.now().astimezone().strftime(form)


if __name__ == "__main__":
    main()
