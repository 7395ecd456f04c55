"""Every fault of a run is named at once, before an engine is loaded and anything is asked."""

from __future__ import annotations

import fcntl
import json
import shlex
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from project import ROOT
from serving import serving

from mathreason_eval import evaluate
from mathreason_eval.cli import main
from mathreason_eval.errors import SeveralFaultsError, UserError
from mathreason_eval.models import NamedModel, check_model
from mathreason_eval.models.facts import ModelFacts
from mathreason_eval.pipeline.preflight import preflight
from mathreason_eval.pipeline.spec import RunSpec

YAML = """\
name: NAME
version: 1
summary: A task with a fault
license: CC0
generate: {problems: 4}
extract: [boxed]
grade: number
"""
CODE = """\
from mathreason_eval.types import Problem


def problem(index, seed):
    return Problem(id=f"p{index}", question=f"What is {index} + 1?", gold=(str(index + 1),))


def fine(gold, answer):
    return gold == answer
"""
# fmt: off
STOP = "{b: {template: prompt.jinja, stop: ['']}}"
TEXT = "{t: {template: prompt.jinja, form: text}}"
FAULTY = {  # the name of a task: what differs from one that is right
    "right":     {},
    "ruleless":  {"yaml": ("[boxed]", "[boxd, tagg]")},
    "gradeless": {"yaml": ("grade: number", "grade: numbr")},
    "secondary": {"yaml": ("grade: number", "grade: number\nsecond: mth")},
    "unranked":  {"yaml": ("grade: number", "grade: number\nprimary: avrg")},
    "untyped":   {"yaml": ("version: 1", "version: one")},
    "keyless":   {"yaml": ("summary:", "sumary:")},
    "untold":    {"prompt": "{{ problem.question }}\n{{ problem.hint }}"},
    "unclosed":  {"prompt": "{{ problem.question }}\n\n{% if x %}"},
    "uncoded":   {"code": "import nothing_of_the_kind\n"},
    "dividing":  {"code": CODE.replace("str(index + 1)", "str(6 / index)")},
    "doubled":   {"code": CODE.replace('f"p{index}"', '"p"')},
    "listed":    {"code": "def problem(index, seed):\n    return ['What?']\n"},
    "judging":   {"yaml": ("grade: number", "grade: task.py:fine")},
    "misjudging": {"yaml": ("grade: number", "grade: task.py:fine"),
                   "code": CODE.replace("gold == answer", "gold.nothing")},
    "unjudging": {"yaml": ("generate: {problems: 4}\nextract: [boxed]\ngrade: number",
                           "data: {file: rows.jsonl}\nextract: [boxed]\ngrade: task.py:fine"),
                  "code": "import nothing_of_it\n\n\ndef fine(gold, answer):\n    return 1\n"},
    "secondly":  {"yaml": ("grade: number", "grade: number\nsecond: task.py:wrong"),
                  "code": CODE + "\n\ndef wrong(gold, answer):\n    return gold.nothing\n"},
    "stopped":   {"yaml": ("extract:", f"prompts: {STOP}\nextract:")},
    "textual":   {"yaml": ("extract:", f"prompts: {TEXT}\nextract:")},
    "properties": {"yaml": ("grade: number", "grade: number\nmacro: region\ncluster: source")},
    "unshown":   {"yaml": ("extract:", ("shots: {file: rows.jsonl}\nprompts:\n"
                           "  few: {template: prompt.jinja, shots: 2}\nextract:"))},
    "unread":    {"yaml": ("generate: {problems: 4}", "data: {file: rows.jsonl}\nreader: raed"),
                  "code": CODE.replace("def fine(", "def read(")},
    "numbered":  {"yaml": ("extract:", ("prompts: {2: {template: prompt.jinja}, "
                           "on: {template: prompt.jinja}}\nextract:"))},
    "endless":   {"yaml": ("grade: number", "grade: number\nmax_tokens: 5000000000")},
    "octal":     {"yaml": ("grade: number", "grade: number\nmax_tokens: 010")},
    "columned":  {"yaml": ("generate: {problems: 4}", "data: {file: rows.jsonl}")},
}
# fmt: on


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A folder of tasks, all but two with one fault."""
    root = tmp_path_factory.mktemp("mine")
    for name, how in FAULTY.items():
        folder = root / name
        folder.mkdir()
        old, new = how.get("yaml", ("", ""))
        (folder / "task.yaml").write_text(YAML.replace(old, new).replace("NAME", name))
        (folder / "prompt.jinja").write_text(how.get("prompt", "{{ problem.question }}"))
        (folder / "task.py").write_text(how.get("code", CODE))
    (root / "unjudging" / "rows.jsonl").write_text('{"question": "1?", "answer": "1"}\n')
    for name in ("unshown", "unread"):
        row = '{"question": "1?", "answer": "1", "solution": "1"}\n'
        (root / name / "rows.jsonl").write_text(row)
    (root / "columned" / "rows.jsonl").write_text('{"question": "1?", "answr": "1"}\n')
    return root


class Server(BaseHTTPRequestHandler):
    """One model with a context of 600 tokens, which counts whatever is asked of it."""

    def do_GET(self):
        locked = "locked" in self.path
        if locked and self.headers.get("authorization") != "Bearer right":
            self.reply(401, {"error": {"message": "no"}})
        elif self.path.endswith("/models"):
            self.reply(200, {"data": [{"id": "m", "max_model_len": 600}]})
        else:
            self.reply(404, {})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "completions" in self.path:
            self.server.asked.append(asked)
        if not self.path.endswith("/tokenize"):
            self.reply(404, {})
            return
        told = " ".join(one["content"] for one in asked.get("messages", ()))
        words = [f"{word} " for word in told.split()]
        self.reply(200, {"tokens": list(range(len(words))), "token_strs": words})

    def reply(self, code, body):
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep the tests' output clean."""


@pytest.fixture(scope="module")
def server():
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Server)) as running:
        running.asked = []
        yield running


@pytest.fixture(scope="module")
def places(mine, server, tmp_path_factory):
    """What the starts below name."""
    files = tmp_path_factory.mktemp("files")
    (files / "rows.jsonl").write_text('{"id": "a", "question": "1 + 1?", "gold": "2"}\n')
    (files / "twice.jsonl").write_text('{"id": "a", "question": "1?", "gold": "2"}\n' * 2)
    (files / "torn.jsonl").write_text('{"id": "a", "question": "1?", "gold": "2"}\n{"id"')
    (files / "empty.jsonl").write_text("")
    (files / "long.jsonl").write_text(
        "".join(
            json.dumps({"id": f"l{n}", "question": "one " * n, "gold": "1"}) + "\n"
            for n in (5, 900, 1000)
        )
    )
    (files / "script.yaml").write_text("- contians: a\n")
    (files / "textless.yaml").write_text("- text: []\n")
    (files / "outputs.jsonl").write_text('{"id": "a"}\n')
    (files / "torn.gguf").write_bytes(b"GGUF")
    bare = files / "bare"
    bare.mkdir()
    (bare / "config.json").write_text('{"max_position_embeddings": 100}')
    (files / "holes.csv").write_text("question,gold\n1?,1\n,2\n3?,\n4?,4\n")
    (files / "half.yaml").write_text("tasks: [arithmetc]\nsamples: many\nsmples: 3\nworkers: 0\n")
    refusing = files / "refusing"
    refusing.mkdir()
    (refusing / "config.json").write_text('{"max_position_embeddings": 4096}')
    (refusing / "model.safetensors").write_bytes(b"")
    (refusing / "chat_template.jinja").write_text("{{ raise_exception('no tools given') }}")
    (files / "other").mkdir()
    (files / "other" / "run").mkdir()
    (files / "other" / "run" / "arithmetic").mkdir()
    (files / "other" / "run" / "arithmetic" / "generations.jsonl").write_text("{}\n")
    return {
        "bad_vllm": "--model-arg chat_template_kwargs=[1] --model-arg engine_args='{\"dtype\":1}'",
        "bad_body": "--model-arg extra_body='{\"n\":2}' --model-arg opening=x",
        "foo": "--sweep model-arg.foo=0,1",
        "bad_replicas": "--model-arg extra_body=x --model-arg replicas=ftp://x,nowhere,"
        f"http://127.0.0.1:{server.server_port}/v1",
        "bad_tasks": "arithmetc,ruleless,untold,gsm8k --data gsm8k=none.jsonl --second numbr",
        "long": f"-t gsm8k --data gsm8k={files}/long.jsonl",
        "fake": FAKE,
        "mine": mine,
        "files": files,
        "url": f"http://127.0.0.1:{server.server_port}",
    }


FAKE = "fake:answer=1"
# fmt: off
STARTS = [  # what is typed after `mathreason run`, and every fault that is said
    # tasks
    ("{fake} -t arithmetc", ["'arithmetc'", "Did you mean arithmetic?"]),
    ("{fake} -t arithmetc,aime99,gsm9k",                ["'arithmetc'", "'aime99'", "'gsm9k'"]),
    ("{fake} -t ''",                                    ["tasks is empty"]),
    ("{fake} -t ruleless",                              ["'boxd'", "'tagg'"]),
    ("{fake} -t gradeless",                             ["no grader named 'numbr'", "number?"]),
    ("{fake} -t secondary",                             ["no grader named 'mth'"]),
    ("{fake} -t unranked",                              ["no metric named 'avrg'"]),
    ("{fake} -t untyped",                               ["task.yaml, line 2: version is 'one'"]),
    ("{fake} -t keyless", ["task.yaml, line 3", "Did you mean summary?"]),
    ("{fake} -t untold", ["prompt.jinja, line 2", "for p0", "'hint'"]),
    ("{fake} -t unclosed",                              ["prompt.jinja, line 3", "for p0"]),
    ("{fake} -t uncoded",                               ["task.py, line 1", "nothing_of_the_kind"]),
    ("{fake} -t dividing", ["task.py, line 5", "problem 0", "ZeroDivision"]),
    ("{fake} -t doubled",                               ["two problems 'p'"]),
    ("{fake} -t listed",                                ["returned list"]),
    ("{fake} -t misjudging",                            ["task.py:fine", "'nothing'"]),
    ("{fake} -t unjudging",                              ["task.py:fine cannot", "nothing_of"]),
    ("{fake} -t columned",                              ["rows.jsonl, line 1 has no gold"]),
    ("{fake} -t textual",                               ["no prompt for a chat model"]),
    ("{fake} -t arithmetic --tasks-dir nowhere",        ["no folder nowhere"]),
    ("{fake} -t properties --second numbr",    ["line 8: no problem has the property 'region'",
                                                "line 9: no problem has the property 'source'",
                                                "'numbr'"]),
    ("{fake} -t unshown --prompt few",
     ["task.yaml, line", "unshown shows 2 solved", "there is 1 with"]),
    ("{fake} -t untold,misjudging",      ["prompt.jinja, line 2", "task.py:fine cannot judge"]),
    ("{fake} -t unread",                 ["There is no function in", "'raed'", "Did you mean"]),
    ("{fake} -t numbered",               ["prompts.2 is named by no text", "prompts.True is"]),
    ("{fake} -t endless",                ["max_tokens is 5000000000, and must be"]),
    ("{fake} -t octal",                  ["has 010, which YAML reads as another number"]),
    ("{fake} -t nope --second nograder --tasks-dir nodir",      ["'nograder'", "no folder nodir"]),
    ("{fake} -t nope --second nograder",                        ["'nope'", "'nograder'"]),
    ("{fake} -t arithmetic --max-cost -1 --prices none.yaml", ["max_cost is -1", "none.yaml"]),
    ("{fake} -t ruleless,gradeless,untold,uncoded", ["'boxd'", "'numbr'", "jinja", "task.py"]),
    # prompts, graders, data
    ("{fake} -t arithmetic --prompt boxd",              ["no prompt of arithmetic named 'boxd'"]),
    ("{fake} -t arithmetic,word-problems --prompt x",   ["of arithmetic", "of word-problems"]),
    ("{fake} -t arithmetic --second numbr",             ["no grader named 'numbr'"]),
    ("{fake} -t gsm8k --data gsm8k=none.jsonl",         ["no file none.jsonl"]),
    ("{fake} -t gsm8k --data gsm8k={files}/rows.txt", ["not of a known format"]),
    ("{fake} -t gsm8k --data gsm8k={files}/torn.jsonl",   ["torn.jsonl, line 2"]),
    ("{fake} -t gsm8k --data gsm8k={files}/twice.jsonl",  ["two problems 'a'"]),
    ("{fake} -t gsm8k --data gsm8k={files}/holes.csv",
     ["{files}/holes.csv, line 3 has no question: question is empty", "line 4 has no gold"]),
    ("{fake} -t gsm8k --data gsm8k={files}/empty.jsonl",  ["has no problems"]),
    ("{fake} -t arithmetic --data arithmetic=seed:x",   ["not a seed"]),
    ("{fake} -t arithmetic --data arithmetic=seed:7 --data arithmetic=seed:9",
                                                         ["The seeds are seed:7, seed:9"]),
    ("{fake} -t gsm8k --data gsm8k={files}",             ["is a folder, and not a file of rows"]),
    ("{fake} -t arithmetic --data gsmk=x --data aime=y", ["'gsmk'", "'aime'"]),
    ("{fake} {long} --prompt five-shot --data gsm8k:shots=no.jsonl",
                                                         ["no file no.jsonl"]),
    # limits
    ("{fake} -t arithmetic -n 0 --limit -3 --top-p 7", ["samples is 0", "limit is -3", "top_p is"]),
    ("{fake} -t arithmetic --temperature nan",          ["temperature is nan"]),
    ("{fake} -t arithmetic --max-tokens 0 --seed -1",   ["max_tokens is 0", "seed is -1"]),
    ("{fake} -t arithmetic -n 10001 --limit 9",          ["samples is 10001", "1 to 10,000"]),
    ("{fake} -t arithmetic -n 10000 --limit 5001",
     ["arithmetic would have 50,010,000 samples", "5,001 problems", "-n or --limit"]),
    ("{fake} -t arithmetic -n two --seed 1.5 --top-p x", ["samples is 'two'", "seed is '1.5'",
                                                          "top_p is 'x'"]),
    ("faek:x -t ruleless,arithmetc -n 0 -o {files}/rows.jsonl",
     ["fake?", "'boxd'", "'arithmetc'", "samples is 0", "rows.jsonl is a file"]),
    ("faek:x -t '' -o {files}/rows.jsonl",    ["tasks is empty", "fake?", "rows.jsonl is a file"]),
    ("{fake} -t arithmetic --max-tokens 0 --model-arg context=100", ["max_tokens is 0"]),
    # options of engines
    ("{fake} -t arithmetc --model-arg concurrency=0 --model-arg latency=-1",
     ["concurrency is '0', which is not a whole number above 0", "latency is '-1'", "arithmetic?"]),
    ("openai:m@{url}/v1 -t arithmetic --model-arg requests_per_minute=0 --model-arg retries=-1",
     ["requests_per_minute is '0'", "retries is '-1'"]),
    ("demo -t arithmetic --model-arg parallel=0 --model-arg threads=-3",
     ["parallel is '0'", "threads is '-3'"]),
    ("openai:m@http://xn--\u2603.x/v1 -t arithmetc", ["no address of a server", "arithmetic?"]),
    ("fake:{files}/textless.yaml -t arithmetic",         ["text is an empty list"]),
    ("openai:m@{url}/v1 -t arithmetic --model-arg concurrency=no {bad_replicas}",
     ["concurrency is 'no'", "extra_body is not", "replica 'ftp://x'", "replica 'nowhere'",
      "named twice"]),
    # options that the command line refuses, beside what else is wrong
    ("{fake} -t arithmetc --workers 0 --deadline nan --system @none.txt -n 0 --data gsm8k",
     ["'--workers'", "'--deadline'", "'--system'", "samples is 0", "'gsm8k'", "arithmetic?"]),
    ("{fake} more -t arithmetc",                ["unexpected arguments: more", "arithmetic?"]),
    ("{fake} -n 0",                             ["Missing option '-t'", "samples is 0"]),
    ("-t arithmetc -n 0",                       ["'MODEL'", "samples is 0", "arithmetic?"]),
    ("--config {files}/half.yaml {fake} --top-p 7",
     ["samples is 'many'", "'smples'", "workers: 0", "top_p is 7", "arithmetic?"]),
    ("--config none.yaml -n 0",                 ["none.yaml cannot be read", "samples is 0"]),
    # second graders
    ("{fake} -t right --second task.py:none",            ["task.py:none cannot judge"]),
    ("{fake} -t secondly",                               ["task.py:wrong cannot", "'nothing'"]),
    ("{fake} -t stopped",                                ["stop is [''], and must be"]),
    # models
    ("faek:x -t arithmetic",                             ["Did you mean fake?"]),
    ("fake: -t arithmetic",                              ["does not name a model"]),
    ("demo:x -t arithmetc",                              ["Write demo.", "arithmetic?"]),
    ("{fake} -t arithmetic -n \u0663 --limit 1_0",
     ["samples is '\u0663'", "limit is '1_0'"]),
    ("{fake} -t 'arithmetc, kk-gen' -n 0",               ["'arithmetc'", "samples is 0"]),
    ("gpt -t arithmetc",                                 ["BACKEND:NAME", "'arithmetc'"]),
    ("fake:ehco -t arithmetic",                          ["Did you mean echo?"]),
    ("{fake} -t arithmetic --model-arg latncy=1 --model-arg chat=perhaps",
                                                         ["'latncy'", "'perhaps'"]),
    ("fake:{files}/script.yaml -t arithmetic",           ["Did you mean contains?"]),
    ("replay:none.jsonl -t arithmetic --model-arg caht=1", ["no file none.jsonl", "'caht'"]),
    ("replay:{files}/outputs.jsonl -t arithmetic",       ["no output or text"]),
    ("checker:sums -t arithmetic", ["checker named 'sums'", "steps of a solution"]),
    ("llamacpp:none.gguf -t arithmetic --model-arg ctx=9", ["no file none.gguf", "'ctx'"]),
    ("llamacpp:{files}/torn.gguf -t arithmetic",         ["torn.gguf is not a GGUF file"]),
    ("hf:/nowhere -t arithmetc --model-arg dtyp=1", ["no folder /now", "'dtyp'", "'arithmetc'"]),
    ("hf:{files} -t arithmetic",                         ["no config.json"]),
    ("hf:{files}/bare -t arithmetic",                    ["no weights"]),
    ("hf:{files}/bare -t arithmetic --prompt boxed",     ["no weights", "no chat template"]),
    ("hf:{files}/refusing -t arithmetc",
     ["template cannot be rendered: no tools", "chat_template_kwargs", "arithmetic?"]),
    ("vllm:{files}/bare -t arithmetic {bad_vllm}",
     ["no weights", "JSON object", "cannot set dtype"]),
    # servers
    ("openai:m@http://127.0.0.1:9/v1 -t arithmetc", ["no answer from http://127", "'arithmetc'"]),
    ("openai:mm@{url}/v1 -t arithmetic",                 ["no model 'mm'", "Did you mean m?"]),
    ("openai:m@{url}/locked/v1 -t arithmetic", ["the one in NO_SUCH_KEY is not set", "export"]),
    ("openai:m@{url}/locked/v1 -t arithmetic --model-arg api_key_env=WRONG_KEY",
                                                         ["the one in WRONG_KEY is refused"]),
    ("openai:m@{url}/v1 -t arithmetic {bad_body} --model-arg max_tokens_name=most",
     ["cannot set n", "opening='x'", "'most'"]),
    # context
    ("{fake} -t arithmetic --model-arg context=100 --max-tokens 100", ["arithmetic is 100"]),
    ("{fake} {long} --model-arg context=1040 --max-tokens 50",
                                                         ["1 of 3", "l1000 has", "or less"]),
    ("openai:m@{url}/v1 {long} --max-tokens 100",
                                                         ["2 of 3", "600 tokens", "l1000"]),
    ("openai:m@{url}/v1 -t arithmetic --max-tokens 600", ["max_tokens of arithmetic is 600"]),
    # the run folder
    ("{fake} -t arithmetic -o {files}/rows.jsonl",    ["rows.jsonl is a file"]),
    ("{fake} -t arithmetic -o {files}/rows.jsonl/run", ["rows.jsonl is a file"]),
    ("{fake} -t arithmetic -o /proc/none/run",          ["/proc/none/run cannot be"]),
    ("{fake} -t arithmetic -o {files}/other/run",     ["samples but no manifest", "--repair"]),
    # all together
    ("openai:mm@{url}/v1 -t {bad_tasks} -o {files}/rows.jsonl --model-arg concurency=1",
     ["no model 'mm'", "'arithmetc'", "'boxd'", "'tagg'", "prompt.jinja, line 2", "none.jsonl",
      "'numbr'", "rows.jsonl is a file", "'concurency'"]),
]
SEVERAL = [  # what makes several runs, or rounds of one
    ("{fake} -t arithmetic --until 5 --max-samples 0 -n 0",
     ["'--until'", "'--max-samples'", "samples is 0"]),
    ("{fake} -t arithmetc --max-samples 4",     ["--max-samples ends --until", "arithmetic?"]),
    ("{fake} -t arithmetc --until 5pp --sweep seed=1,2 -o x", ["be combined", "arithmetic?"]),
    ("faek:x -t arithmetc --sweep seed=1,2",    ["name the folder", "fake?", "arithmetic?"]),
    ("faek:x -t arithmetic -o g -n 0 --sweep temperature=0,x,0.0 --sweep tempratur=1,2",
     ["a value twice", "temperature is 'x'", "temperature?", "samples is 0", "fake?"]),
    ("faek:x -t arithmetic -o g --sweep temperature=0,x --sweep prompt=boxd,boxed",
     ["temperature is 'x'", "fake?"]),
    ("{fake} -t arithmetc -o g --temperature 0.3 --sweep temperature=0,1",
     ["--temperature is typed, and --sweep temperature varies it", "arithmetic?"]),
    ("{fake} -t arithmetic -o g -n 0 --sweep seed=1,x --sweep prompt=nix,boxed {foo}",
     ["seed is 'x'", "'nix'", "'foo'", "samples is 0"]),
    ("{fake} -t arithmetic -o g --sweep prompt=boxd,boxed --sweep model=fake:a,faek:x",
     ["'boxd'", "'a'", "fake?"]),
]
# fmt: on


@pytest.fixture
def start(monkeypatch, capsys, tmp_path, places):
    """Return a function that runs a command line in this process: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WRONG_KEY", "wrong")
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)

    def run(verb, typed):
        words = shlex.split(typed.format(**places))
        if "locked" in typed and "api_key_env" not in typed:
            words += ["--model-arg", "api_key_env=NO_SUCH_KEY"]
        if "--tasks-dir" not in words:
            words += ["--tasks-dir", str(places["mine"])]
        monkeypatch.setattr(sys, "argv", ["mathreason", verb, *words])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "says"), STARTS + SEVERAL, ids=[typed for typed, _ in STARTS + SEVERAL]
)
def test_every_fault_is_named_at_once_and_nothing_is_asked(
    start, server, places, tmp_path, typed, says
):
    code, out, err = start("run", typed)
    assert (code, out) == (2, "")
    assert [one for one in says if one.format(**places) not in err] == []
    assert "internal error" not in err
    assert not server.asked
    # Nothing was written either, but for what was there before.
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_rests_on_a_wrong_setting_is_no_fault_of_its_own(start):
    _, _, err = start("run", "{fake} -t arithmetic --max-tokens 0 --model-arg context=100")
    assert err.count("error:") == 1
    _, _, err = start("run", "{fake} -t '' --max-tokens 9")
    assert (err.count("error:"), "none" in err) == (1, False)
    # A file that cannot be read may hold what is missing.
    _, _, err = start("run", "--config none.yaml")
    assert err.count("error:") == 1
    _, _, err = start("run", "{fake} -t arithmetic --config none.yaml --sweep seed=1,2")
    assert err.count("error:") == 1
    # The prompts of both kinds of models are there: an option that may decide it says neither.
    _, _, err = start("run", "{fake} -t textual --model-arg chat=perhaps")
    assert err.count("error:") == 1


def test_a_folder_of_another_model_is_named_before_it_opens(start, tmp_path):
    asked = "-t arithmetic --limit 5 -n 2 --temperature 0.6 -o held"
    assert start("run", f"fake:answer=5 {asked}")[0] == 0
    for verb in ("run", "doctor"):
        code, out, err = start(verb, f"fake:answer=1 {asked}")
        assert code == 2
        assert "fake:answer=5, another model" in " ".join((out + err).split())
    asked = asked.replace("0.6", "0.3")
    _, _, err = start("run", f"fake:answer=1 {asked} --seed 4 --second numbr")
    said = ("another model", "temperature was 0.6, is 0.3", "seed was 0, is 4", "'numbr'")
    assert [one for one in said if one not in err] == []


CALLS = [  # what Python gives, and what is said of it
    ({"model": 5}, ["model is 5, and must be a text", "vllm:FOLDER"]),
    ({"out": 5}, ["out is 5, and must be a folder"]),
    ({"model_args": "x"}, ["model_args is 'x'"]),
    ({"model_args": {"context": 5}}, ["model_args is {'context': 5}", "dtype"]),
    ({"out": "a\0b"}, ["out is 'a", "must be a folder"]),
    ({"out": "a\ud800b"}, ["must be a folder"]),
    ({"tasks_dirs": "a\0b"}, ["tasks_dirs is"]),
    ({"out": 5, "samples": 0, "sampels": 2}, ["out is 5", "samples is 0", "'sampels'"]),
    ({"out": 5, "model": None}, ["out is 5", "model is None"]),
    ({"out": 3, "tasks": "arithmetc", "prices": "none"}, ["out is 3", "arithmetic?", "none"]),
    ({"model": 3, "tasks": "arithmetc", "samples": 0}, ["model is 3", "arithmetic?", "samples"]),
    ({"limit": 10**30}, ["limit is 1000000", "1 to 10,000,000"]),
    ({"sampels": 3, "tasks": "arithmetc"}, ["samples?", "arithmetic?"]),
]


@pytest.mark.parametrize(("given", "says"), CALLS, ids=lambda one: str(one)[:40])
def test_python_names_wrong_types_too(given, says):
    with pytest.raises(UserError) as refused:
        evaluate(**{"model": FAKE, "tasks": "arithmetic", **given})
    assert [one for one in says if one not in str(refused.value)] == []


def test_there_are_sixty_wrong_starts():
    assert len(STARTS) >= 60


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "says"), STARTS[::4], ids=[typed for typed, _ in STARTS[::4]])
def test_the_doctor_finds_the_same(start, server, places, tmp_path, typed, says):
    code, out, err = start("doctor", f"{typed} --json")
    assert code == 2
    told = " ".join(f"{one['says']} {one['hint']}" for one in json.loads(out)) if out else err
    assert [one for one in says if one.format(**places) not in told] == []
    assert not server.asked
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# fmt: off
RIGHT = [  # what must not be refused
    "{fake} -t right,judging,arithmetic --limit 2 -o run",
    "{fake} -t textual --limit 2 -o run --model-arg chat=false",
    "{fake} -t textual --limit 2 -o run --prompt t",
    "{fake} {long} --model-arg context=3000 --max-tokens 50 -o run",
    "{fake} {long} --model-arg context=1000 --max-tokens 50 -o run --accept-failures",
    "{fake} {long} --limit 1 --model-arg context=100 --max-tokens 50 -o run",
]
# fmt: on


@pytest.mark.slow
@pytest.mark.parametrize("typed", RIGHT)
def test_what_can_run_is_not_refused(start, typed):
    assert start("doctor", typed)[0] == 0
    code, _, err = start("run", typed)
    assert code == 0, err
    assert start("doctor", typed)[0] == 0


def test_a_folder_of_other_settings_is_said_before_the_model_is_opened(tmp_path):
    evaluate(model=FAKE, tasks="arithmetic", limit=2, out=tmp_path / "run")
    opened = []

    def opener():
        opened.append(1)

    for settings in ({"temperature": 0.5}, {"seed": 3}, {"max_tokens": 9}):
        spec = RunSpec(tasks=("arithmetic",), limit=2, **settings)
        with pytest.raises(UserError, match="other settings"):
            preflight(spec, NamedModel(name=FAKE), tmp_path / "run")
        with pytest.raises(UserError):
            preflight(RunSpec(tasks=["nothing"]), opener, tmp_path / "run")
    assert not opened


@pytest.mark.slow
def test_a_folder_of_another_engine_is_said_before_the_model_is_opened(start, tmp_path):
    evaluate(model=FAKE, tasks="arithmetic", limit=2, out=tmp_path / "run")
    for verb in ("run", "doctor"):
        code, out, err = start(verb, "demo -t arithmetic --limit 2 -o run")
        assert (code, "holds the samples of fake:answer=1" in out + err) == (2, True)


def test_other_problems_in_a_folder_are_said_with_all_else(start, tmp_path):
    (data := tmp_path / "rows.jsonl").write_text('{"id": "a", "question": "1?", "gold": "2"}\n')
    words = f"{{fake}} -t gsm8k --data gsm8k={data} -o run"
    assert start("run", words)[0] == 0
    data.write_text('{"id": "a", "question": "1?", "gold": "3"}\n')
    for verb in ("run", "doctor"):
        code, out, err = start(verb, f"{words} --temperature 0.5")
        assert (code, "other settings" in out + err) == (2, True)
        code, out, err = start(verb, words.replace("gsm8k --data", "gsm8k,arithmetc --data"))
        assert "another problem a of gsm8k" in " ".join((out + err).split())
        assert "arithmetc" in out + err
        assert code == 2


@pytest.mark.filterwarnings("ignore:.*damaged")
def test_nothing_is_moved_before_all_else_is_right(start, tmp_path):
    assert start("run", "{fake} -t arithmetic --limit 2 -o run")[0] == 0
    broken = tmp_path / "run" / "arithmetic" / "generations.jsonl"
    broken.write_bytes(b"{}\n" + broken.read_bytes())
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    code, _, err = start("run", "{fake} -t arithmetic,arithmetc --limit 2 -o run --repair")
    assert (code, "arithmetc" in err) == (2, True)
    after = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert after == before
    assert start("run", "{fake} -t arithmetic --limit 2 -o run --repair")[0] == 0
    assert broken.with_name(f"{broken.name}.damaged").is_file()


def test_a_folder_that_another_process_writes_is_said(tmp_path):
    run = evaluate(model=FAKE, tasks="arithmetic", limit=2, out=tmp_path / "run")
    with (run.path / ".lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SeveralFaultsError, match="Another process") as refused:
            evaluate(model=FAKE, tasks=["arithmetc"], out=run.path)
    assert "arithmetc" in str(refused.value)


@pytest.mark.skipif(bool(find_spec("math_verify")), reason="math-verify is installed here")
@pytest.mark.skipif(bool(find_spec("vllm")), reason="vllm is installed here")
def test_all_missing_extras_are_in_one_line():
    facts = check_model("vllm:nobody/model")
    assert any("vllm" in fault.what for fault in facts.faults)
    with pytest.raises(UserError) as refused:
        evaluate(model="vllm:/nowhere", tasks="arithmetic", second="math-verify")
    line = "pip install 'mathreason-eval[math-verify,vllm]'"
    assert str(refused.value).count(line) == 2


def test_every_extra_of_an_engine_brings_what_reads_a_hub():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]

    def brings(extra):
        inner = [one.partition("[")[2].rstrip("]") for one in extras[extra]
                 if one.startswith("mathreason-eval[")]  # fmt: skip
        return {extra}.union(*(brings(name) for names in inner for name in names.split(",")))

    for extra in ("vllm", "hf", "llamacpp", "openai", "demo"):
        assert "hub" in brings(extra), extra


def test_of_a_model_that_cannot_be_looked_at_nothing_is_claimed():
    def opener():
        raise AssertionError

    spec, loaded = preflight(RunSpec(tasks="arithmetic", limit=2), opener, None)
    assert (spec.temperature, len(loaded)) == (0.0, 1)
    assert check_model("fake:answer=1").chat is True
    assert ModelFacts().context is None


def test_shards_that_are_missing_are_counted(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model-1.safetensors").write_bytes(b"")
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-3.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    said = " ".join(str(fault) for fault in check_model(f"hf:{folder}").faults)
    assert "lacks 2 of 3 files of weights: model-2.safetensors" in said
    for name in ("model-2.safetensors", "model-3.safetensors"):
        (Path(folder) / name).write_bytes(b"")
    said = " ".join(str(fault) for fault in check_model(f"hf:{folder}").faults)
    assert "weights" not in said
