"""Prompt templates as data: part of Jinja, in a sandbox, with a bound on the work of a rendering.

Every operation that may take long or make something large is replaced by a filter of
`operations.py`, which subtracts its size from the work that is left. So the bound is the same on
every machine, and needs no clock, signal or process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from mathreason_eval.tasks import operations
from mathreason_eval.tasks.operations import MAX_LENGTH, MAX_WORK, WORK, LimitError
from mathreason_eval.types import Problem

if TYPE_CHECKING:
    from jinja2 import Template, nodes
    from jinja2.sandbox import SandboxedEnvironment

MAX_TEMPLATE = 200_000
"""Maximum characters of a template."""

_JINJAS_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float",
    "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "select", "selectattr", "sort", "string", "title", "trim", "unique", "upper",
    "wordcount",
)  # fmt: skip
"""Filters of Jinja whose work is about the size of their input; `FILTERS` has the others."""
_TESTS = (
    "boolean", "defined", "divisibleby", "even", "false", "float", "integer", "iterable", "lower",
    "mapping", "none", "number", "odd", "sequence", "string", "true", "undefined", "upper",
)  # fmt: skip
_REFUSED = {
    "Include": "include",
    "Import": "import",
    "FromImport": "from",
    "Extends": "extends",
    "Block": "block",
    "Macro": "macro",
    "CallBlock": "call",
    "FilterBlock": "filter",
    "AssignBlock": "set without a value",
}
"""Statements by their class in Jinja: those that read other files, and those that recur or collect
what they write, whose length would not be known."""


def rendered(template: str, file: str, problem: Problem, shots: Sequence[Problem]) -> str:
    """Return the text of a template for a problem.

    Args:
        template: Jinja.
        file: its name in tracebacks.
        problem: what it may show.
        shots: solved problems, which it may show as well.

    Raises:
        LimitError: if it does too much or its text is too long.
        Exception: whatever an expression in it raises.
    """
    compiled = _compiled(template, file)
    token = WORK.set([MAX_WORK])
    try:
        pieces, length = [], 0
        for piece in compiled.generate(problem=_plain(problem), shots=[*map(_plain, shots)]):
            length += len(piece)
            if length > MAX_LENGTH:
                raise LimitError(f"its text is longer than {MAX_LENGTH:,} characters")
            pieces.append(piece)
        return "".join(pieces)
    finally:
        WORK.reset(token)


_NAMES = tuple(one.name for one in fields(Problem))


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    """Return a problem, or a part of one, as data without methods of ours."""
    if isinstance(value, Problem):
        return {name: _plain(getattr(value, name)) for name in _NAMES}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value)) if isinstance(value, tuple) else [*map(_plain, value)]
    return value if value is None or isinstance(value, str | int | float) else str(value)


@lru_cache(maxsize=256)
def _compiled(template: str, file: str) -> Template:
    from jinja2 import Template

    if len(template) > MAX_TEMPLATE:
        raise LimitError(f"the template is longer than {MAX_TEMPLATE:,} characters")
    environment = _environment()
    tree = environment.parse(template, filename=file)
    _check(tree, file)
    tree = _rewriter().visit(tree)
    tree.set_environment(environment)
    # The name of the file is that of the frames in a traceback.
    code = environment.compile(tree, filename=file)
    return Template.from_code(environment, code, environment.make_globals(None))


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined, Undefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import Namespace

    # With a context, Jinja computes no constant while it compiles.
    @pass_context
    def written(_: object, value: Any) -> Any:  # noqa: ANN401  a value of a template
        return value if isinstance(value, Undefined) else operations.sized(value)

    # A prompt is plain text for a model, not a page: escaping would change the question.
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, optimized=False, finalize=written
    )
    made.filters = {
        **{name: operations.metered(made.filters[name]) for name in _JINJAS_FILTERS},
        **operations.FILTERS,
        **{_internal(name): call for name, call in operations.OPERATORS.items()},
        _internal("call"): operations.call,
        _internal("concat"): operations.joined,
        _internal("listed"): operations.listed,
        _internal("sized"): operations.sized,
    }
    made.tests = {name: made.tests[name] for name in _TESTS}
    made.globals = {"range": operations.numbers, "dict": dict, "namespace": Namespace}
    return made


def _internal(name: str) -> str:
    """Return the name of a filter that replaces an operation."""
    return f"!{name}"


def _check(tree: nodes.Template, file: str) -> None:
    """Check that a template has only statements that need no other file and end.

    Raises:
        TemplateSyntaxError: if it has another; with its line.
    """
    from jinja2 import TemplateSyntaxError, nodes

    for node in tree.find_all(nodes.Node):
        name = _REFUSED.get(type(node).__name__)
        if isinstance(node, nodes.For) and node.recursive:
            name = "a recursive for"
        if isinstance(node, nodes.Name) and node.name == "self":
            name = "self"
        if name is not None:
            raise TemplateSyntaxError(f"a prompt cannot use {name}", node.lineno, filename=file)


@cache
def _rewriter() -> Any:  # noqa: ANN401  jinja2 is imported late
    from jinja2 import nodes
    from jinja2.visitor import NodeTransformer

    def paid(node: Any, name: str, *args: Any, **more: Any) -> Any:  # noqa: ANN401  nodes
        given = {"kwargs": [], "dyn_args": None, "dyn_kwargs": None, **more}
        return nodes.Filter(node, _internal(name), [*args], *given.values(), lineno=node.lineno)

    class Rewriter(NodeTransformer):
        """Replaces operations by filters that pay for them."""

        def generic_visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            super().generic_visit(node, *args, **kwargs)
            kind = type(node).__name__
            if kind in operations.OPERATORS:
                return paid(node.left, kind, node.right)
            if kind == "Concat":
                return paid(nodes.List(node.nodes, lineno=node.lineno), "concat")
            if kind == "Call":
                more = {name: getattr(node, name) for name in ("kwargs", "dyn_args", "dyn_kwargs")}
                return paid(node.node, "call", *node.args, **more)
            if kind == "For":
                node.iter = paid(node.iter, "listed", nodes.Const(_cost(node), lineno=node.lineno))
            if kind == "Compare":
                node.expr = paid(node.expr, "sized")
                for one in node.ops:
                    one.expr = paid(one.expr, "sized")
            slices = kind == "Getitem" and isinstance(node.arg, nodes.Slice)
            builds = kind in {"List", "Dict"} or (kind == "Tuple" and node.ctx == "load")
            return paid(node, "sized") if slices or builds else node

    return Rewriter()


def _cost(loop: nodes.For) -> int:
    """Return the work of one round of a loop, without what its operations pay."""
    from jinja2 import nodes

    texts = sum(len(one.data) for one in loop.find_all(nodes.TemplateData))
    return 1 + sum(1 for _ in loop.find_all(nodes.Node)) + operations.pieces(texts)
