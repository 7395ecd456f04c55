"""A prompt template is data: it shows a problem, and can neither run, read nor exhaust anything."""

from __future__ import annotations

import os

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import TaskError
from mathreason_eval.pipeline.check import _case_rows
from mathreason_eval.resources import resource_dir
from mathreason_eval.tasks import read_task
from mathreason_eval.tasks.code import function_in
from mathreason_eval.tasks.files import inside
from mathreason_eval.tasks.task import PromptForm, render
from mathreason_eval.types import Problem

PROBLEM = Problem(
    id="p", question="1 + 1?", gold=("2",), meta={"level": 3, "items": "x"},
    given={"steps": ["a", "b"], "state": {"k": [1, 2]}},
)  # fmt: skip
SHOTS = (Problem(id="s", question="2?", gold=("2",), meta={"solution": "two"}),)


def shown(template, problem=PROBLEM):
    # A prompt of nothing is refused.
    form = PromptForm(id="boxed", template=f"Q:{template}", chat=False, shots=SHOTS)
    return render(form, problem).text.removeprefix("Q:")


EACH = "{% for s in problem.given.steps %}"
# fmt: off
RENDERS = [
    ("{{ problem.question }}",                                           "1 + 1?"),
    ("{% for s in shots %}{{ s.question }} {{ s.meta.solution }}{% endfor %}", "2? two"),
    (EACH + "{{ s }}{{ loop.index0 }}{{ '' if loop.last else ', ' }}{% endfor %}", "a0, b1"),
    ("{% for s in problem.given.none | default([]) %}x{% endfor %}",     ""),
    ("{{ problem.meta.level + 1 }} {{ 7 // 2 }} {{ 2 ** 10 }}",          "4 3 1024"),
    ("{{ 7 % 4 }} {{ 3 * 2 - 1 }} {{ 1 / 2 }}",                          "3 5 0.5"),
    ("{{ 'a' ~ problem.meta.level ~ 'b' }} {{ 'ab' * 2 }} {{ 'a' + 'b' }}", "a3b abab ab"),
    ("{{ problem.question[:3] }}|{{ problem.question[0] }}",             "1 +|1"),
    ("{{ problem['meta']['level'] }} {{ problem.gold[0] }}",             "3 2"),
    ("{{ problem.question.upper().strip('?').split(' ') | join('_') }}", "1_+_1"),
    ("{% for k, v in problem.given.state.items() %}{{ k }}={{ v }}{% endfor %}", "k=[1, 2]"),
    ("{% set n = namespace(t='') %}" + EACH + "{% set n.t = n.t ~ s %}{% endfor %}{{ n.t }}", "ab"),
    ("{{ '%.2f' | format(2.5) }} {{ '%s of %d' % ('a', 3) }}",           "2.50 a of 3"),
    ("{{ problem.given | tojson }}", '{"state": {"k": [1, 2]}, "steps": ["a", "b"]}'),
    ("{{ 'a\nb' | indent(2) }} {{ 'aXa' | replace('X', '<') }}",         "a\n  b a<a"),
    ("{{ shots | map(attribute='question') | list }} {{ [3, 1] | sort }}", "['2?'] [1, 3]"),
    ("{{ 'x' if problem.meta.level > 2 and 'a' in problem.given.steps else 'y' }}", "x"),
    ("{{ problem.meta.other is defined }} {{ problem.origin is none }}", "False True"),
    ("{{ problem.origin }}{{ (problem.given | tojson) ~ '<' }}",
     'None{"state": {"k": [1, 2]}, "steps": ["a", "b"]}<'),
    ("{{ ['<é'] | tojson(indent=1) }}",                                  '[\n "\\u003c\\u00e9"\n]'),
    ("{% for x in 'ab' %}{{ loop.cycle('1', '2') }}{% else %}no{% endfor %}", "12"),
    ("{{ problem.meta | length }} {{ 2.567 | round(1) }} {{ dict(a=1).a }}", "2 2.6 1"),
]
HARM = [
    # reaching Python
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ problem.__class__.__init__.__globals__ }}",
    "{{ problem.question.__class__ }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}", "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ namespace.__init__.__globals__ }}", "{{ range.__class__ }}", "{{ dict.__base__ }}",
    "{{ dict.mro() }}",
    "{{ ''['__class__'] }}", "{{ ''|attr('__class__') }}",
    "{{ [''] | map(attribute='__class__') | list }}",
    "{{ [''] | map('attr', '__class__') | list }}",
    "{{ [''] | selectattr('__class__') | list }}",
    "{{ '{0.__class__}'.format('') }}", "{{ '{0.__class__}'.format_map({'0': ''}) }}",
    "{{ ('{0.__class__}' | e).format('') }}",
    "{% set f = '{0.__class__}'.format %}{{ f('') }}",
    "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "{{ problem.gold.append('3') }}", "{{ problem.meta.update({'a': 1}) }}",
    "{{ problem.given.steps.append('c') }}", "{{ problem.meta.clear() }}",
    "{% do problem.meta.clear() %}",
    "{{ ().__getattribute__('count') }}", "{{ [problem.question.encode] | map('!call') | list }}",
    "{{ __import__('os') }}", "{{ open('/etc/passwd') }}", "{{ range }}",
    "{{ problem.question.upper }}",
    # reading files
    "{% include '/etc/passwd' %}", "{% include '../../etc/passwd' %}",
    "{% include 'prompt.jinja' %}",
    "{% import '../../etc/passwd' as x %}", "{% from 'x' import y %}",
    "{% extends '/etc/passwd' %}",
    "{% block a %}{% endblock %}",
    # going on for ever
    "{% for a in range(10**9) %}{% endfor %}", "{% for a in range(99999) %}x{% endfor %}" * 200,
    "{% for a in range(9999) %}" * 3 + "{% endfor %}" * 3,
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "{% for x in [[]] recursive %}{{ loop([x]) }}{% endfor %}",
    "{% for a in range(3000) %}" + "{% if a %}{% endif %}" * 4000 + "{% endfor %}",
    "{% for a in range(3000) %}{{ (range(3000) | list) == (range(3000) | list) }}{% endfor %}",
    "{{ range(1999999) | list | sort | reverse | unique | list }}",
    # growing without end
    "{{ 'x' * 10**9 }}", "{{ 10**9 * 'x' }}", "{{ [0] * 10**9 }}", "{{ 10 ** (10 ** 10) }}",
    "{{ '%999999999d' % 1 }}", "{{ '%999999999d' | format(1) }}", "{{ '%*d' | format(10**9, 1) }}",
    "{{ '{:999999999}'.format(1) }}", "{{ 'x'.center(10**9) }}", "{{ 'x' | center(10**9) }}",
    "{{ 'x'.zfill(10**9) }}", "{{ '\t'.expandtabs(10**9) }}", "{{ 1 | round(10**9, 'ceil') }}",
    "{{ 'x' | indent(10**9) | wordwrap(1) }}", "{{ [1] | batch(10**9, 1) | list }}",
    "{{ 'a' | replace('', 'x' * 10**6) | replace('x', 'y' * 10**6) }}",
    "{{ ['x' * 10**6] * 1000 }}", "{{ (['x' * 10**6] * 1000) | join }}",
    "{{ range(10**6) | join('x' * 1000) }}", "{{ 'x' * 10**6 }}" * 3,
    "{% set x = 'x' * 1000 %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% set x = 'x' * 1000 %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
    "{% set x = [1, 1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}",
    "{% set x = [1, 1] %}" + "{% set x = (x, x) %}" * 40 + "{{ x == x }}",
    "{% set x = {} %}" + "{% set x = dict(a=x, b=x) %}" * 40 + "{{ x | tojson }}",
    "{% set n = namespace(x='x') %}{% for i in range(64) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace() %}{% set n.a = n %}{{ n }}", "{{ [namespace()] }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
    "{% set y %}{% for a in range(9999) %}xxxxxxxxxx{% endfor %}{% endset %}{{ y * 9999 }}",
    "{% filter upper %}x{% endfilter %}", "{{ lipsum(10**9) }}", "{{ [1, 2] | sum(start=[]) }}",
    "{{ problem.given | tojson(indent=10**9) }}", "{{ [3] | random }}",
    "{{ 9**3000 * 9**3000 }}", "{{ ('9' * 10**6) | int(0, 16) }}", "{{ 'x' | pprint }}",
    "x" * 200_001,
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{{ 1" + "+1" * 40_000 + " }}",
]
# fmt: on


@pytest.mark.parametrize(("template", "text"), RENDERS)
def test_a_template_shows_what_jinja_shows(template, text):
    assert shown(template) == text


@pytest.mark.parametrize("template", HARM, ids=range(len(HARM)))
def test_a_template_that_does_more_is_one_error(template):
    with pytest.raises(TaskError, match="boxed does not render for p"):
        shown(template)
    # The problem is as before, also for the next template.
    assert shown("{{ problem.gold }}{{ problem.meta }}{{ problem.given.steps }}") == (
        "('2',){'level': 3, 'items': 'x'}['a', 'b']"
    )


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("a\n{% include '../x' %}", "line 2: boxed does not render for p: a prompt cannot use inc"),
        ("a\n{{ 'x' * 10**9 }}", "line 2: boxed does not render for p: a value is longer than 2,0"),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ 'x'.center(9) }}", "a template cannot call center"),
        ("{% for a in range(10**6) %}{% endfor %}", "it takes more than 1,000,000 steps"),
    ],
)
def test_a_refused_template_says_where_and_why(template, says):
    with pytest.raises(TaskError) as caught:
        shown(template)
    assert says in str(caught.value)


def test_a_long_question_and_many_shots_fit():
    long = Problem(id="p", question="word " * 100_000, gold=("2",))
    template = "{% for s in shots %}{{ s.question }}\n{% endfor %}{{ problem.question }}"
    form = PromptForm(id="boxed", template=template, chat=False, shots=SHOTS * 500)
    assert render(form, long).text.endswith(long.question)


NAMES = st.sampled_from(["problem", "shots", "range", "loop", "dict", "namespace", "cycler", "x"])
PARTS = st.sampled_from(
    [".question", ".meta", ".__class__", "[0]", "[:1]", "|list", "|string", "()", "(9)", "|length",
     ".items()", "*99999", "~'a'", "|map('upper')", "['__init__']", "|tojson", "|sort", ".mro()"]
)  # fmt: skip


@given(NAMES, st.lists(PARTS, max_size=5))
def test_any_expression_is_a_text_or_an_error_of_the_template(name, parts):
    template = "{{ " + name + "".join(parts) + " }}"
    try:
        text = shown(template)
    except TaskError:
        return
    assert "<class" not in text
    assert " at 0x" not in text


@given(st.text(alphabet="ab{}%#-\n '", max_size=40))
def test_text_is_rendered_as_by_jinja(text):
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined)
    try:
        wanted = plain.from_string(text).render(problem=PROBLEM, shots=())
    except Exception:  # noqa: BLE001
        return
    if wanted:
        assert shown(text) == wanted


# --- where a template may be -----------------------------------------------------------------

YAML = """\
name: sums
version: 1
summary: Sums
license: MIT
data: {{hub: nobody/sums, revision: abc, split: test}}
extract: [boxed]
grade: number
prompts: {{boxed: {{template: "{}"}}}}
"""


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "sub/../../secret", "link", "missing", "sub", "out/secret"]
)
def test_a_template_is_a_file_in_the_folder(tmp_path, name):
    (tmp_path / "secret").write_text("hush")
    folder = tmp_path / "sums"
    (folder / "sub").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "out").symlink_to(tmp_path)
    (folder / "task.yaml").write_text(YAML.format(name))
    with pytest.raises(TaskError, match="task's folder"):
        read_task(folder)


FIXED = {
    # name: what reads it
    "task.yaml": read_task,
    "task.py": lambda folder: function_in(folder, "problem"),
    "cases.jsonl": lambda folder: [*_case_rows(folder / "cases.jsonl")],
}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "link of a folder"])
@pytest.mark.parametrize("name", FIXED)
def test_every_file_of_a_task_is_a_plain_one_in_its_folder(tmp_path, name, kind):
    folder = tmp_path / "sums"
    folder.mkdir()
    (tmp_path / "secret").write_text("hush: 1")
    (folder / "task.yaml").write_text(YAML.format("prompt.jinja"))
    (folder / name).unlink(missing_ok=True)
    match kind:
        case "link":
            (folder / name).symlink_to(tmp_path / "secret")
        case "pipe":
            os.mkfifo(folder / name)
        case "folder":
            (folder / name).mkdir()
        case _:
            (folder / name).symlink_to(tmp_path)
    with pytest.raises(TaskError, match="the task's folder") as raised:
        FIXED[name](folder)
    assert "hush" not in str(raised.value)


def test_a_template_may_be_in_a_subfolder_or_a_link_within(tmp_path):
    folder = tmp_path / "sums"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.jinja").write_text("{{ problem.question }}")
    (folder / "b.jinja").symlink_to("sub/a.jinja")
    for name in ("sub/a.jinja", "b.jinja"):
        (folder / "task.yaml").write_text(YAML.format(name))
        form = read_task(folder).prompts["boxed"]
        assert render(form, PROBLEM).messages[0].content == "1 + 1?"


@pytest.mark.parametrize("name", ["prompt.jinja", "few-shot.jinja"])
def test_variants_are_asked_as_their_originals(name):
    ours = resource_dir("tasks")
    variants, originals = ours / "word-problems-variants" / name, ours / "word-problems" / name
    assert variants.read_text() == originals.read_text()


@pytest.mark.parametrize("name", ["x" * 1000, "x/" * 3000, "no.jinja"])
def test_a_name_that_no_file_has_is_one_error(tmp_path, name):
    with pytest.raises(ValueError, match="no file"):
        inside(tmp_path, name)
