"""Values of options that are no values, of every verb that has them."""

from __future__ import annotations

import click
import pytest

from mathreason_eval.cli import verbs


def _floats():
    for name, command in verbs.commands.items():
        for param in command.params:
            checked_later = (name, param.name) == ("gate", "alpha")  # tests/gate/test_judging.py
            if isinstance(param.type, click.types.FloatParamType) and not checked_later:
                yield pytest.param(param, id=f"{name} {param.name}")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("param", [*_floats()])
def test_a_number_is_a_finite_one(param, text):
    with pytest.raises(click.BadParameter, match=r"finite|range"):
        param.type.convert(text, param, None)


def test_a_deadline_that_is_no_number_is_said(mathreason):
    said = mathreason("verify", "--gold", "4", "--answer", "5", "--deadline", "nan")
    assert (said.code, "not a finite number" in said.err) == (2, True)
