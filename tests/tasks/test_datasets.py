"""Problems come in from files as people have them, or with one clear error."""

from __future__ import annotations

import base64
import contextlib
import csv
import gzip
import json
import sys
import zlib
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathreason_eval.errors import DataError, SeveralFaultsError, TaskError, UserError
from mathreason_eval.pipeline.check import check_task
from mathreason_eval.tasks import HubData, Task, load_task, read_task, readers
from mathreason_eval.tasks.datasets import gold_hash, load_problems
from mathreason_eval.tasks.readers import numbered_rows
from mathreason_eval.types import Problem

TASK = Task(
    name="sums",
    version=1,
    summary="",
    license="MIT",
    extract=("boxed",),
    grade="number",
    prompts={},
    data=(HubData(hub="nobody/sums", revision="0" * 40, splits=("test",)),),
    columns={
        "question": ("question", "problem"),
        "gold": ("gold", "answer | hashes", "solution | boxed"),
        "level": ("level | int",),
    },
)

OWN = {"id": "a", "question": "1+1?", "gold": "2"}
HUB = {"question": "1+1?", "answer": "One and one\n#### 1,002", "level": "Level 3"}
BOXED = {"problem": "1+1?", "solution": r"first \boxed{1}, then \boxed{\frac{1}{2}}"}
LIST = {"id": "b", "question": "Name a prime below 4.", "gold": ["2", "3"]}


def write(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    match path.suffix:
        case ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        case ".csv":
            with path.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case _:
            path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.parquet"])
def test_every_format_gives_the_same_problems(tmp_path, name):
    loaded = load_problems(TASK, [write(tmp_path / name, [OWN])])
    assert loaded.problems == (Problem(id="a", question="1+1?", gold=("2",)),)


# fmt: off
COLUMNS = [
    # row, id, gold, meta
    (OWN,   "a",           ("2",),           {}),
    (HUB,   "sums-test-0", ("1002",),        {"level": 3}),
    (BOXED, "sums-test-0", (r"\frac{1}{2}",), {}),
    (LIST,  "b",           ("2", "3"),       {}),
]
# fmt: on


@pytest.mark.parametrize(("row", "identity", "gold", "meta"), COLUMNS)
def test_columns_of_the_hub_and_of_the_harness_are_understood(tmp_path, row, identity, gold, meta):
    (problem,) = load_problems(TASK, [write(tmp_path / "a.jsonl", [row])]).problems
    assert (problem.id, problem.gold, problem.meta) == (identity, gold, meta)


def test_two_files_are_read_one_after_another(tmp_path):
    paths = [write(tmp_path / "a.jsonl", [OWN]), write(tmp_path / "b.jsonl", [LIST])]
    assert [p.id for p in load_problems(TASK, paths).problems] == ["a", "b"]


def test_the_hash_is_of_all_problems_whatever_the_limit(tmp_path):
    path = write(tmp_path / "a.jsonl", [OWN, LIST])
    whole, limited = load_problems(TASK, [path]), load_problems(TASK, [path], limit=1)
    assert (len(limited.problems), limited.rows, limited.sha256) == (1, 2, whole.sha256)


# fmt: off
MALFORMED = [
    # file name, content, what the error says
    ("a.jsonl",    "{\n",                                        "line 1"),
    ("a.jsonl",    "[1]\n",                                      "not a JSON object"),
    ("a.jsonl",    '{"id": "a", "question": "q"}\n',             "no gold answer"),
    ("a.jsonl",    '{"id": "a", "gold": "2"}\n',                 "no question"),
    ("a.jsonl",    '{"id": "a", "question": " ", "gold": 1}\n',  "no question"),
    ("a.jsonl",    '{"question": "q", "gold": " "}\n',           "no gold answer"),
    ("a.jsonl",    '{"id":1,"question":"q","gold":1}\n' * 2,     "two problems '1'"),
    ("a.jsonl",    '{"question": "q", "gold": NaN}\n',           "no gold answer"),
    ("a.jsonl",    '{"question": "q", "gold": 1e400}\n',         "no gold answer"),
    ("a.jsonl",    '{"question": "q", "gold": true}\n',          "line 1: the gold True is"),
    ("a.jsonl",    "",                                           "has no problems"),
    ("a.jsonl",    "[" * 100_000 + "\n",                         "line 1"),
    ("a.jsonl.gz", "not gzip",                                   "cannot be read"),
    ("a.parquet",  "not parquet",                                "not Parquet"),
    ("a.txt",      "1+1",                                        "extension"),
]
# fmt: on


@pytest.mark.parametrize(("name", "content", "says"), MALFORMED)
def test_a_malformed_file_is_one_clear_error(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=says) as caught:
        load_problems(TASK, [str(tmp_path / name)])
    assert caught.value.hint


SEVERAL = [  # content of a CSV, what its errors say in order
    ("question,gold\n,1\nq,2\nr,\n", ["line 2", "line 4"]),
    ('question,gold\n"a\nb",1\n,2\nq,\n', ["line 4", "line 5"]),
    ("question,gold\nq,1,2\n,1\n", ["line 2 has more cells", "line 3"]),
    ("question,gold\n" + ",1\n" * 9, [*map("line {}".format, range(2, 7)), "4 more rows"]),
    ("qestion,gold\n" + "q,1\n" * 5, [*map("line {}".format, range(2, 7))]),
]


@pytest.mark.parametrize(("content", "says"), SEVERAL)
def test_every_malformed_row_is_told_with_its_line(tmp_path, content, says):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SeveralFaultsError) as caught:
        load_problems(TASK, [str(tmp_path / "a.csv")])
    told = [fault.what for fault in caught.value.faults]
    assert len(told) == len(says)
    assert all(part in what for part, what in zip(says, told, strict=True))
    assert all(str(tmp_path / "a.csv") in what for what in told if "line" in what)


def test_what_the_tasks_own_code_does_wrong_is_told_once(tmp_path):
    def read(_row, _index, _source):
        raise TaskError("it is the code.")

    path = write(tmp_path / "a.jsonl", [{"q": 1}, {"q": 2}])
    with pytest.raises(TaskError, match="it is the code"):
        load_problems(replace(TASK, reader=read), [path])


def test_a_number_that_a_table_lacks_is_no_gold(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"question": ["q"], "gold": [float("nan")]}), path)
    with pytest.raises(DataError, match="no gold answer"):
        load_problems(TASK, [str(path)])


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="no file"):
        load_problems(TASK, [str(tmp_path / "a.jsonl")])


def test_a_hub_out_of_reach_says_how_to_go_on_without():
    with pytest.raises(UserError) as caught:
        load_problems(TASK)
    assert "--data sums=PATH" in caught.value.hint or "pip install" in caught.value.hint


GENERATED = Task(
    name="made",
    version=1,
    summary="",
    license="Apache-2.0",
    extract=("boxed",),
    grade="number",
    prompts={},
    size=5,
    problem=lambda index, seed: Problem(id=f"made-{seed}-{index}", question="q", gold=("1",)),
)


def test_a_generated_task_needs_no_file():
    loaded = load_problems(GENERATED)
    assert [p.id for p in loaded.problems] == [f"made-0-{i}" for i in range(5)]


def test_a_generated_task_makes_more_if_asked_and_keeps_its_hash():
    more = load_problems(GENERATED, limit=8)
    assert (len(more.problems), more.sha256) == (8, load_problems(GENERATED).sha256)


def test_another_seed_is_another_set():
    other = load_problems(GENERATED, ["seed:7"])
    assert other.problems[0].id == "made-7-0"
    assert other.sha256 != load_problems(GENERATED).sha256


def test_a_seed_that_is_none_is_a_clear_error():
    with pytest.raises(DataError, match="not a seed"):
        load_problems(GENERATED, ["seed:many"])


# --- the golds of all rows ---------------------------------------------------------------------

COPIES = [
    # golds of a copy of ("7", "25", "1/2"), whether it is the published set
    (["7", "25", "1/2"], True),
    (["1/2", "025", "7"], True),
    (["7", "25 ", "1/2"], True),
    (["7", "25", "1/3"], False),
    (["7", "25"], False),
    (["7", "25", "1/2", "1/2"], False),
]


@pytest.mark.parametrize(("golds", "published"), COPIES)
def test_a_copy_is_known_by_its_golds(tmp_path, golds, published):
    known = gold_hash(Problem(id=g, question="?", gold=(g,)) for g in ("7", "25", "1/2"))
    (data,) = TASK.data
    task = replace(TASK, data=(replace(data, golds=known),))
    path = tmp_path / "copy.jsonl"
    path.write_text("".join(json.dumps({"question": "?", "gold": g}) + "\n" for g in golds))
    assert load_problems(task, [str(path)]).published is published


def test_a_task_that_knows_no_golds_says_nothing_of_a_copy(tmp_path):
    path = tmp_path / "copy.jsonl"
    path.write_text(json.dumps({"question": "?", "gold": "7"}) + "\n")
    assert load_problems(TASK, [str(path)]).published is None


# fmt: off
ORIGINS = [  # (id, origin) of each row; the order of what is asked, and which are originals
    ([("p", "p"), ("v", "p"), ("q", None)],                   "pvq",  "pq"),
    ([("a", None), ("b", "a"), ("c", "b"), ("s", "s")],       "abcs", "as"),
    ([("c", "b"), ("b", "a"), ("a", None)],                   "abc",  "a"),
    ([("v", "gone"), ("a", None), ("w", "v")],                "vwa",  "a"),
    ([("a", None), ("x", "a"), ("b", None), ("y", "a")],      "axyb", "ab"),
]
CIRCLES = [[("a", "b"), ("b", "a"), ("c", None)], [("a", "b"), ("b", "c"), ("c", "a")]]
# fmt: on


def with_origins(tmp_path, pairs):
    (path := tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"id": name, "question": "?", "gold": "1", "origin": origin}) + "\n"
                for name, origin in pairs)
    )  # fmt: skip
    return load_problems(load_task("gsm8k"), [str(path)])


@pytest.mark.parametrize(("pairs", "order", "originals"), ORIGINS)
def test_no_row_is_lost_by_what_it_is_a_variant_of(tmp_path, pairs, order, originals):
    loaded = with_origins(tmp_path, pairs)
    assert "".join(one.id for one in loaded.problems) == order
    assert "".join(one.id for one in loaded.problems if one.origin is None) == originals
    assert loaded.rows == len(pairs)


@given(st.lists(st.sampled_from([None, *"abcdefg"]), min_size=1, max_size=7))
def test_whatever_the_origins_all_rows_are_asked_or_none(tmp_path_factory, origins):
    pairs = list(zip("abcdefg", origins, strict=False))
    with contextlib.suppress(DataError):  # a circle
        loaded = with_origins(tmp_path_factory.mktemp("rows"), pairs)
        assert sorted(one.id for one in loaded.problems) == sorted(name for name, _ in pairs)


@pytest.mark.parametrize("pairs", CIRCLES)
def test_variants_of_one_another_are_an_error(tmp_path, pairs):
    with pytest.raises(DataError, match="is a variant of itself, by way of others"):
        with_origins(tmp_path, pairs)


def test_variants_follow_their_originals(tmp_path):
    rows = [
        {"id": "a", "question": "?", "gold": "1"},
        {"id": "b", "question": "?", "gold": "1"},
        {"id": "b~x", "question": "?", "gold": "1", "origin": "b", "variant": "x"},
        {"id": "a~x", "question": "?", "gold": "1", "origin": "a", "variant": "x"},
        {"id": "c~x", "question": "?", "gold": "1", "origin": "c", "variant": "x"},
        {"id": "a~y", "question": "?", "gold": "1", "origin": "a", "variant": "y"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ids = [problem.id for problem in load_problems(TASK, [str(path)]).problems]
    assert ids == ["a", "a~x", "a~y", "b", "b~x", "c~x"]


# --- rows in the task's folder -------------------------------------------------------------------

FOLDER = """\
name: sums
version: 1
summary: Sums
license: CC0
data: DATA
extract: [boxed]
grade: number
"""


def own(tmp_path, data):
    home = tmp_path / "sums"
    (home / "inner").mkdir(parents=True, exist_ok=True)
    (home / "prompt.jinja").write_text("{{ problem.question }}")
    (home / "task.yaml").write_text(FOLDER.replace("DATA", data))
    (home / "rows.jsonl").write_text('{"question": "2 + 2?", "gold": "4"}\n')
    (home / "inner" / "more.csv").write_text("id,problem,answer\nx,3 + 3?,6\n")
    (tmp_path / "outside.jsonl").write_text('{"question": "?", "gold": "0"}\n')
    (home / "out.jsonl").unlink(missing_ok=True)
    (home / "out.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (home / "in.jsonl").unlink(missing_ok=True)
    (home / "in.jsonl").symlink_to("rows.jsonl")
    return home


# fmt: off
OWN_ROWS = [
    # data, ids, origin
    ("{file: rows.jsonl}",                          ["sums-rows-0"],      "rows.jsonl"),
    ("{file: ./rows.jsonl}",                        ["sums-rows-0"],      "./rows.jsonl"),
    ("{file: in.jsonl}",                            ["sums-in-0"],        "in.jsonl"),
    ("{file: inner/more.csv}",                      ["x"],                "inner/more.csv"),
    ("[{file: in.jsonl}, {file: inner/more.csv}]",  ["sums-in-0", "x"], "in.jsonl, inner/more.csv"),
]
# fmt: on


@pytest.mark.parametrize(("data", "ids", "origin"), OWN_ROWS)
def test_rows_of_the_folder_need_no_hub(tmp_path, data, ids, origin):
    task = read_task(own(tmp_path, data))
    loaded = load_problems(task)
    assert ([problem.id for problem in loaded.problems], loaded.source) == (ids, origin)
    assert task.local
    assert not task.generated


# fmt: off
REFUSED_FILES = [
    # data, what the error says
    ("{file: /etc/passwd}",                    "not in the task's folder"),
    ("{file: ../outside.jsonl}",               "not in the task's folder"),
    ("{file: inner/../rows.jsonl}",            "not in the task's folder"),
    ("{file: out.jsonl}",                      "not in the task's folder"),
    ("{file: missing.jsonl}",                  "no file missing.jsonl"),
    ("{file: inner}",                          "no file inner"),
    ("{file: rows.jsonl, split: test}",        "combined with split"),
    ("{file: rows.jsonl, hub: a/b}",           "combined with hub"),
]
# fmt: on


@pytest.mark.parametrize(("data", "says"), REFUSED_FILES)
def test_rows_lie_in_the_folder_and_nowhere_else(tmp_path, data, says):
    with pytest.raises(TaskError, match=says):
        read_task(own(tmp_path, data))


def test_how_many_rows_there_must_be_is_checked(tmp_path):
    checks = check_task(read_task(own(tmp_path, "{file: rows.jsonl, rows: 2}")))
    (problems,) = (one for one in checks if one.name == "problems")
    said = "rows is 2, and the data have 1 problem."
    assert (problems.ok, said in problems.note) == (False, True)


def test_another_file_is_read_where_one_is_named(tmp_path):
    task = read_task(own(tmp_path, "{file: rows.jsonl}"))
    assert load_problems(task, [str(tmp_path / "outside.jsonl")]).problems[0].gold == ("0",)


LONG = "{name} has {a} apples and buys {b} more at the market in town. How many are there now?"
# fmt: off
ALIKE = [
    # questions, more of task.yaml; whether a warning names them
    ([LONG.format(name="Ann", a=3, b=4), LONG.format(name="Ann", a="1,300", b=5)], "", True),
    ([LONG.format(name="Ann", a=3, b=4), LONG.format(name="Bob", a=3, b=4)],       "", False),
    (["What is 3 + 4?", "What is 5 + 6?"],                                         "", False),
    ([LONG.format(name="Ann", a=3, b=4), LONG.format(name="Ann", a=8, b=5)],
                                                                    "cluster: topic\n", False),
]
# fmt: on


@pytest.mark.parametrize(("questions", "more", "warned"), ALIKE)
def test_questions_that_differ_by_numbers_alone_are_warned_of(tmp_path, questions, more, warned):
    home = own(tmp_path, "{file: rows.jsonl}")
    (home / "task.yaml").write_text((home / "task.yaml").read_text() + more)
    rows = [{"question": one, "gold": "4", "topic": "fruit"} for one in questions]
    (home / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (found,) = (one for one in check_task(read_task(home)) if one.name == "problems")
    assert (found.ok, "2 differ from another one by numbers alone" in found.note) == (True, warned)


# fmt: off
CONTRADICTORY = (
    r"c-n1~&2G~`5XWcND-%#8(u%d#l7%AFT1cfWF-a65SJgOeB190WrG6b9#|n|sCM2Oj6-N#nIB?*=fd}Bo"
    r"gYW<xco=rq%}1N8tXX?z_Ba0-t(zDYIOC7FXvhuL0Um4+0Em=nap3FRdL|<|ZgSHp!&A}{BwAaO(ffHS"
    r"EhEIBG9k}5ri7f&WT3EB*jKx^<?XNFFy$9aWv!qs>G6~)O3q{c<hGuoAf6^XtY`vgYiN$$D}gXa@w?<A"
    r";wJFyCKa^X-h_rDljJ9e%=-_?Xx!~z-Z)ECuui|%=9HTaUpbgyz3yntX?p%%(n~Iq%kfRV#cap+U2u5T"
    r"E`gb|RRK;dW__|g6W4b$i&L|ec2FpgEl}{~anp7|4Qi1wQ>97YiS?7Xe~9~)ERSv(nOlXd=&p1p(+)KI"
    r"3$eZt_aAkC(ZzAD66!LrYkI`8?H`84+>G_x0NW8+48ymlFVjJbzjRlx4$5_e>3WSg!JvaR#12+<2!jCe"
    r"je4mfzS55Qj%lbGtG6?pqN=FKD&-*1=y;xgsLb)~yWYNP)zk7xQywZ`OH)yKHJurBW`}Ub4+ib}$v9Pf"
    r"ph_K2>jfd+si&9L8=sx@;uqnd<rTH_TGjiAs#zI7$6%87c{rcPly`oIS5+oDJ<@uDTl)6)K;#F}P~MI4"
    r"c03qtN5f%%lD|rZBY9KuUU}#FPQmu&txO*v20&B(;Qs+Dp0lg"
)
"""Our own file of Parquet, two rows, with one byte of its footer changed."""
# fmt: on


def test_a_file_that_ends_the_process_that_reads_it_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(zlib.decompress(base64.b85decode(CONTRADICTORY)))
    with pytest.raises(DataError, match="not Parquet"):
        list(numbered_rows(path))


@pytest.mark.parametrize("ends", ["import os; os.abort()", "import os; os.kill(os.getpid(), 9)"])
def test_whatever_ends_the_look_at_a_file_is_an_error_of_the_file(tmp_path, monkeypatch, ends):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"question": ["q"], "gold": ["1"]}), path)
    assert len(list(numbered_rows(path))) == 1
    monkeypatch.setattr(readers, "_DESCRIBE", (sys.executable, "-c", ends))
    with pytest.raises(DataError, match="contradicts itself"):
        list(numbered_rows(path))


# fmt: off
STATED = [  # what task.yaml says of the folder's own rows; what is wrong
    ("rows: 2",                                   None),
    ("rows: 3",                                   "rows is 3, and the data have 2 problems"),
    ("rows: 1",                                   "rows is 1, and the data have 2 problems"),
    ("golds: " + "a" * 64,                        "golds are not those whose hash it states"),
    ("rows: 2, golds: GOLDS",                     None),
]
# fmt: on


@pytest.mark.parametrize(("says", "wrong"), STATED)
def test_a_folder_s_own_rows_are_what_it_says(tmp_path, says, wrong):
    rows = '{"question": "1?", "gold": "2"}\n{"question": "2?", "gold": "3"}\n'
    golds = gold_hash([Problem(id="a", question="?", gold=(one,)) for one in "23"])
    (folder := tmp_path / "own").mkdir()
    (folder / "task.yaml").write_text(
        "name: own\nversion: 1\nsummary: x\nlicense: MIT\nextract: boxed\ngrade: number\n"
        f"data: {{file: rows.jsonl, {says.replace('GOLDS', golds)}}}\n"
    )
    (folder / "prompt.jinja").write_text("{{ problem.question }}")
    (folder / "rows.jsonl").write_text(rows)
    task = read_task(folder)
    # Another file that the user names is judged as what it is.
    (tmp_path / "other.jsonl").write_text(rows * 1 + '{"question": "5?", "gold": "9"}\n')
    assert load_problems(task, [str(tmp_path / "other.jsonl")]).rows == 3
    if wrong is None:
        assert load_problems(task).rows == 2
    else:
        with pytest.raises(TaskError, match=wrong) as refused:
            load_problems(task)
        assert "task.yaml, line 7" in str(refused.value)


def test_a_version_of_a_file_is_looked_at_once_and_another_again(tmp_path, monkeypatch):
    path, seen = tmp_path / "a.parquet", tmp_path / "seen"
    looks = f"open({str(seen)!r}, 'a').write('x')"
    monkeypatch.setattr(readers, "_DESCRIBE", (sys.executable, "-c", looks))
    for questions, looked in ((["q"], "x"), (["q", "r"], "xx")):
        pq.write_table(pa.table({"question": questions}), path)
        for _ in range(2):
            assert len(list(numbered_rows(path))) == len(questions)
        assert seen.read_text() == looked
