"""Command lines in processes that are forked from one that has imported everything.

Nearly all the time of a short command is the start of the interpreter and its imports. Whatever
does not depend on them runs here at a tenth of the time: descriptors, exit codes and the end of
the interpreter are those of any process. A test of the start (of an encoding, or of a module in the
working directory that must not be imported) starts a process of its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

CLIENT = """\
import array, json, os, socket, sys
streams = []
for number in range(3):
    try:
        os.fstat(number)
    except OSError:
        continue
    streams.append(number)
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
words = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "streams": streams}}
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))] if streams else []
server.sendmsg([b"."], rights)
with server.makefile("rwb") as file:
    file.write(json.dumps(words).encode() + b"\\n")
    file.flush()
    code = json.loads(file.readline())
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""
"""The program that lends its descriptors to a forked process, and ends as that does."""


@dataclass(frozen=True, kw_only=True)
class Forked:
    """How a command line is started in a forked process."""

    command: tuple[str, ...]
    """In the place of `python`: followed by `-m mathreason_eval` or `-c` and a program."""
    programs: Path
    """A folder with a program `mathreason`, for the PATH of scripts."""

    @property
    def mathreason(self) -> tuple[str, ...]:
        """Return what stands in the place of `python -m mathreason_eval`."""
        return (*self.command, "-m", "mathreason_eval")


@contextlib.contextmanager
def forking(folder: Path, *modules: str) -> Iterator[Forked]:
    """Start the process that is forked from, with its files in a folder, until the end.

    It has imported these modules, or without any all that a verb may need.
    """
    address = str(folder / "socket")
    client = folder / "client.py"
    client.write_text(CLIENT.format(address=address))
    command = (sys.executable, "-IS", str(client))
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "mathreason"
    script.write_text(f'#!/bin/sh\nexec {" ".join(command)} -m mathreason_eval "$@"\n')
    script.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", "import forked; forked.main()", str(listener.fileno()),
             *modules],
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield Forked(command=command, programs=programs)
    finally:
        process.terminate()
        process.wait()


# --- the process that is forked ------------------------------------------------------------------


def main() -> None:
    """Fork a process for each that asks; in that process, run what it was asked for."""
    listener, modules = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    if not modules:
        _import_all()
    for module in modules:
        importlib.import_module(module)
    gc.freeze()
    words = _asked(listener)
    listener.close()
    # As deep in the stack as a program is: a recursion without end is as deep, too.
    exec(compile(_program(words["argv"]), "<string>", "exec"), {"__name__": "__main__"})


def _import_all() -> None:
    """Import what the verbs import when they run."""
    import mathreason_eval

    for name in ("cli", "compare", "extract", "gate", "grade", "pipeline", "runs", "site", "stats"):
        package = importlib.import_module(f"mathreason_eval.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("__main__", "child")):
                importlib.import_module(module.name)
    for name in ("scipy.stats", "scipy.special", "rich.progress", mathreason_eval.__name__):
        importlib.import_module(name)
    from mathreason_eval.site.formats import environment

    templates = environment()
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)


def _asked(listener: socket.socket) -> dict:
    """Return what a forked process was asked for, in that process."""
    while True:
        connection, _ = listener.accept()
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as file:
            words = json.loads(file.readline())
        child = os.fork()
        if child == 0:
            connection.close()
            _become(words, dict(zip(words["streams"], streams, strict=True)))
            return words
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(OSError), connection:
            connection.sendall(json.dumps(code).encode() + b"\n")


def _become(words: dict, streams: dict[int, int]) -> None:
    """Have the descriptors, the environment and the folder of whoever asks."""
    for number in range(3):
        if number in streams:
            os.dup2(streams[number], number)
        else:
            os.close(number)
    for stream in streams.values():
        os.close(stream)
    os.environ.clear()
    os.environ.update(words["env"])
    os.chdir(words["cwd"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, name) if number in streams else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in places if place and place not in sys.path]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stream(number: int, name: str) -> TextIO:
    """Return a standard stream as the interpreter makes it."""
    # In the locale C Python takes UTF-8, unless it is told not to.
    old = "ascii" if os.environ.get("PYTHONUTF8") == "0" else "utf-8"
    return open(
        number,
        "w" if number else "r",
        encoding=os.environ.get("PYTHONIOENCODING", old),
        errors="backslashreplace" if name == "stderr" else getattr(sys, name).errors,
        closefd=False,
    )


def _program(argv: list[str]) -> str:
    """Return the program of `-m mathreason_eval …` or `-c PROGRAM …`; its words are sys.argv's."""
    option, program, *words = argv
    if option == "-c":
        sys.argv[:] = ["-c", *words]
        return program
    import mathreason_eval.__main__ as started

    sys.argv[:] = [started.__file__, *words]
    return "from mathreason_eval.__main__ import main; main()"
