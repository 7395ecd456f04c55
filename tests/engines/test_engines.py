"""transformers and vLLM, really run, in an environment of their own (prepare.sh builds it)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from project import ENGINE_ENVIRONMENT, ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1600)]

ENGINES = os.environ.get("MATHREASON_ENGINES")

# fmt: off
MODELS = {
    "hf":   ("batch_size=16", "dtype=float32"),
    "vllm": ("max_model_len=2048", "max_num_seqs=16", "enforce_eager=true", "dtype=float32"),
}
# fmt: on


def python(*arguments):
    """Run the engines' interpreter on this tree."""
    return subprocess.run(
        [Path(ENGINES) / "venv/bin/python", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ENGINE_ENVIRONMENT},
        timeout=1500,
    )


@pytest.fixture(scope="module", params=MODELS)
def facts(request):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES to the folder that tests/engines/prepare.sh built")
    name = f"{request.param}:{ENGINES}/smollm2"
    done = python(ROOT / "tests/engines/drive.py", name, *MODELS[request.param])
    assert done.returncode == 0, done.stderr[-4000:]
    # Whatever the engine writes to stdout stands before our JSON and makes this fail.
    return {"backend": request.param, **json.loads(done.stdout)}


def text(facts, name, run="once"):
    return facts[run][name]["text"]


def test_every_request_comes_back_once(facts):
    assert len(facts["once"]) == len(facts["again"]) == 14


def test_the_same_seed_gives_the_same_text_in_any_order_and_alone(facts):
    without_clock = [
        {
            name: {key: value for key, value in told.items() if key != "seconds"}
            for name, told in facts[run].items()
        }
        for run in ("once", "again", "alone")
    ]
    assert without_clock[0] == without_clock[1]
    assert without_clock[2].items() <= without_clock[0].items()
    assert text(facts, "seed-0") == text(facts, "seed-0-again")


def test_other_seeds_give_other_texts(facts):
    assert len({text(facts, f"seed-{seed}") for seed in range(6)}) > 3


def test_greedy_does_not_look_at_the_seed(facts):
    assert text(facts, "greedy") == text(facts, "greedy-other-seed")


def test_a_tiny_nucleus_is_greedy(facts):
    assert text(facts, "nucleus") == text(facts, "greedy")


def test_why_it_ended_and_how_long_it_was(facts):
    cut, greedy = facts["once"]["cut"], facts["once"]["greedy"]
    assert (cut["finish"], cut["tokens"]) == ("length", 3)
    assert greedy["finish"] == "stop"
    assert 3 < greedy["tokens"] < 32
    assert greedy["text"].startswith(cut["text"])
    assert cut["seconds"] > 0


def test_a_stop_string_ends_the_text_and_is_no_part_of_it(facts):
    stopped, whole = facts["once"]["stopped"], text(facts, "greedy")
    assert (stopped["finish"], stopped["text"]) == ("stop", whole[: whole.index("=")])


def test_bare_text_is_continued(facts):
    assert text(facts, "bare").strip().startswith("7")


def test_an_answer_that_has_begun_is_continued(facts):
    assert facts["continued"]["says"]
    assert facts["continued"]["joined"] == facts["continued"]["whole"]


def test_the_templates_tokens_are_all_that_is_sent(facts):
    assert facts["once"]["greedy"]["prompt_tokens"] == facts["template_tokens"]


def test_a_prompt_begins_once(facts):
    assert facts["begun"] == {"chat": 1, "text": 1, "spelled": 1}


def test_what_does_not_fit_fails_alone_and_says_the_numbers(facts):
    failed = facts["once"]["overfull"]
    assert f"the context holds {facts['context']:,}" in failed["failure"]
    assert failed["hint"].startswith("Lower --max-tokens to ")


def test_requests_are_pulled_only_as_there_is_room(facts):
    assert facts["pulled"] <= 64


def test_the_manifest_says_what_ran(facts):
    described = facts["described"]
    assert described["backend"] == facts["backend"]
    assert len(described["files_sha256"]) == len(described["chat_template_sha256"]) == 64
    assert described["opening"] is None
    assert described.get("reasoning_parser", None) is None
    assert facts["chat"] is True


def test_tokens_are_drawn_by_their_shares(facts):
    if facts["backend"] != "hf":
        pytest.skip("vLLM draws for itself")
    for excess, outside_the_nucleus in facts["drawn"].values():
        assert 0.7 < excess < 1.3  # about 1 for a fair draw
        assert outside_the_nucleus == 0


def test_a_dead_engine_stops_the_run_after_what_was_finished(facts):
    if facts["backend"] != "vllm":
        pytest.skip("only vLLM has processes of its own")
    assert facts["deadly"]["first"] in {"stop", "length"}
    assert "engine died" in facts["deadly"]["error"]


@pytest.mark.parametrize("backend", MODELS)
def test_a_model_that_the_hub_cannot_give_is_one_clear_sentence(backend):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES")
    program = "import sys; from mathreason_eval.models import open_model; open_model(sys.argv[1])"
    done = python("-c", program, f"{backend}:some/model@v1")
    last = done.stderr.strip().splitlines()[-1]
    assert "'some/model', and no such model at revision v1 can be loaded from the hub" in last


@pytest.mark.parametrize("backend", MODELS)
def test_a_run_from_the_command_line_prints_json_and_nothing_else(backend, tmp_path):
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES")
    arguments = [part for option in MODELS[backend] for part in ("--model-arg", option)]
    done = python(
        *("-m", "mathreason_eval", "run", f"{backend}:{ENGINES}/smollm2", "-t", "arithmetic"),
        *("--limit", "3", "--max-tokens", "24", "-o", tmp_path / "run", "--json", *arguments),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout)
    lines = (tmp_path / "run/arithmetic/generations.jsonl").read_text().splitlines()
    assert len(lines) == 3


# --- vLLM's own reasoning parsers ------------------------------------------------------------

# Where a parser of vLLM divides a finished text in another way than our table, and why; our table
# decides there.
OTHER_DIVISIONS = {
    "deepseek_v3": "thinks only where the template is told to: everything is content",
    "poolside_v1": "likewise",
    "hunyuan_a13b": "wants line feeds around its tags, and tags around the answer",
    "hy_v3": "thinks only with reasoning_effort",
    "hy_v4": "likewise; what stands in the tags of another mode is reasoning",
    "minimax_m2_append_think": "writes an opening and divides nothing",
    "muse_glimmer": "wants the header of a message before the answer",
    "openai_gptoss": "reads tokens of Harmony's own vocabulary",
    "step3": "leaves the opening in the thought",
}
NEEDS = {"cohere_command3": "cohere_melody", "cohere_command4": "cohere_melody"}
"""Parsers that need a package which vLLM does not bring."""
WHOLE = ("finished", "empty", "opened")


@pytest.fixture(scope="module")
def parsers():
    if not ENGINES:
        pytest.skip("set MATHREASON_ENGINES to the folder that tests/engines/prepare.sh built")
    done = python(ROOT / "tests/engines/parsers.py")
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def test_every_parser_of_vllm_can_be_used(parsers):
    failed = {name: told for name, told in parsers["parsers"].items() if isinstance(told, str)}
    assert failed.keys() == NEEDS.keys()
    assert all(NEEDS[name] in told for name, told in failed.items())
    assert len(parsers["parsers"]) > 2 * 35


def test_a_parser_and_our_table_divide_alike_or_our_table_decides(parsers):
    others = set()
    for name, texts in parsers["parsers"].items():
        if isinstance(texts, str):
            continue
        for text, (theirs, ours, table) in texts.items():
            assert ours == table, (name, text)
            reasoning, answer = (part and part.strip() for part in theirs)
            if text in WHOLE and (reasoning or "", answer) != (table[1], table[0]):
                others.add(name.removesuffix(", thinking"))
    assert others == OTHER_DIVISIONS.keys()


def test_no_unfinished_thought_is_an_answer_and_no_answer_an_unfinished_thought(parsers):
    for name, texts in parsers["parsers"].items():
        if isinstance(texts, str):
            continue
        for text, (_, (answer, _, finished), _) in texts.items():
            cut = text in {"cut", "opened and cut", "mention in a thought"}
            assert (finished, bool(answer)) == (not cut, not cut and text != "no answer"), name


def test_marks_that_only_the_parser_knows_divide_a_text(parsers):
    assert parsers["own marks"] == {
        "|[R]We add.[/R]\n4": ["4", "We add.", True],
        "[R]|We add.[/R]\n4": ["4", "We add.", True],
        "[R]|We add: \\boxed{4}": ["", "We add: \\boxed{4}", False],
        "[R][/R]|4 after [/R].": ["4 after [/R].", "", True],
        "|It is 4": ["It is 4", None, True],
        "|As [R] and [/R] tell: 4": ["As [R] and [/R] tell: 4", None, True],
    }
    assert parsers["own opening"] == ["[R]", "[R][/R]", ""]


def test_the_parser_is_vllms_choice_then_the_tokenizers_then_that_of_the_type(parsers):
    assert (parsers["vLLM's own"], parsers["default"]) == ("deepseek_r1", "hf")
    assert (parsers["of its type"], parsers["no default"]) == ("qwen3", None)
    assert parsers["plain tokenizer"] is None


def test_a_parser_that_cannot_be_used_is_one_clear_sentence(parsers):
    assert "no reasoning parser of vLLM named 'qwen'" in parsers["errors"]["qwen"]
    assert "deepseek_r1 cannot be used with this model" in parsers["errors"]["deepseek_r1"]
