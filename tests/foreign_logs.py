"""Logs of other programs in their exact shape, with rows of our own: a function a format.

Each has two problems with two samples: the first is right by the program, the second wrong.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

LEGS = "How many legs do 3 dogs and 2 birds have together?"
EGGS = "A hen lays 7 eggs a week. How many eggs do 5 hens lay in a week?"
QUESTIONS = {LEGS: "16", EGGS: "35"}
SHOTS = "Question: How much is 1 + 1?\nAnswer: It is \\boxed{2}.\n\n"
ASK = "\nPut the answer into a box."
MODEL = "org/model-7b"


def answer(question: str, sample: int) -> str:
    return f"Let me count.\nSo it is \\boxed{{{QUESTIONS[question] if sample == 0 else 99}}}."


def samples():
    """Yield (index of the problem, question, gold, sample, output, whether it is right)."""
    for index, (question, gold) in enumerate(QUESTIONS.items()):
        for sample in range(2):
            yield index, question, gold, sample, answer(question, sample), sample == 0


def write_lines(path: Path, rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_json(path: Path, value) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_parquet(path: Path, rows) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


TIME = "2026-11-20T10-11-12.345678"


def lm_eval(folder: Path, *, time: str = TIME, repeats: int = 2, model: str = MODEL) -> Path:
    """Two filters, and so two rows for each document, each with all responses."""
    inner = folder / "org__model-7b"
    rows = [
        {
            "doc_id": index,
            "doc": {"question": question, "answer": f"We count.\n#### {gold}"},
            "target": f"We count.\n#### {gold}",
            "arguments": {
                "gen_args_0": {
                    "arg_0": f"{SHOTS}Question: {question}\nAnswer:",
                    "arg_1": {"until": ["Question:"], "do_sample": False, "temperature": 0.0},
                }
            },
            "resps": [[answer(question, sample) for sample in range(repeats)]],
            "filtered_resps": [gold],
            "filter": chosen,
            "metrics": ["exact_match"],
            "exact_match": 1.0 if chosen == "flexible-extract" else 0.0,
        }
        for chosen in ("flexible-extract", "strict-match")
        for index, (question, gold) in enumerate(QUESTIONS.items())
    ]
    kwargs = {"until": ["Question:"], "do_sample": False, "temperature": 0.0, "max_gen_toks": 256}
    write_json(
        inner / f"results_{time}.json",
        {
            "results": {"gsm8k": {"exact_match,flexible-extract": 1.0}},
            "configs": {"gsm8k": {"generation_kwargs": kwargs}},
            "versions": {"gsm8k": 3.0},
            "n-shot": {"gsm8k": 5},
            "config": {"model": "hf", "model_args": "pretrained=x,api_key=sk-0123456789abcdefghij"},
            "lm_eval_version": "0.4.9",
            "model_name": model,
            "task_hashes": {"gsm8k": "aa"},
        },
    )
    write_lines(inner / f"samples_gsm8k_{time}.jsonl", rows)
    return folder


def lighteval(folder: Path) -> Path:
    rows = [
        {
            "doc": {
                "id": str(index),
                "query": f"{SHOTS}{question}{ASK}",
                "choices": [gold],
                "gold_index": [0],
                "task_name": "lighteval|gsm8k|1",
            },
            "model_response": {
                "text": [output],
                "text_post_processed": ["99"],
                "output_tokens": [[1, 2, 3]],
            },
            "metric": {"extractive_match": 1.0 if right else 0.0},
        }
        for index, question, gold, sample, output, right in samples()
        if sample == index
    ]
    time = "2026-11-20T10-11-12.345678"
    write_json(
        folder / "results" / "org" / "model-7b" / f"results_{time}.json",
        {
            "config_general": {
                "lighteval_sha": "0.12.0",
                "model_name": MODEL,
                "model_config": {
                    "model_name": MODEL,
                    "generation_parameters": {"temperature": 0.6, "max_new_tokens": 512},
                },
            }
        },
    )
    details = folder / "details" / "org" / "model-7b" / time
    write_parquet(details / f"details_lighteval|gsm8k|1_{time}.parquet", rows)
    return folder


def inspect_log() -> dict:
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "inspect_evals/gsm8k",
            "model": MODEL,
            "model_generate_config": {"temperature": 0.6, "max_tokens": 300},
            "packages": {"inspect_ai": "0.3.150"},
            "dataset": {"name": "mine"},
            "config": {"epochs": 2},
        },
        "plan": {"config": {}},
    }


def inspect_samples() -> list[dict]:
    return [
        {
            "id": index,
            "epoch": sample + 1,
            "input": [
                {"role": "system", "content": "Think."},
                {"role": "user", "content": question},
            ],
            "target": gold,
            "output": {
                "choices": [
                    {
                        "message": {
                            "role": "assistant",
                            "content": [
                                {"type": "reasoning", "reasoning": "I count."},
                                {"type": "text", "text": "attachment://" + "0" * 32},
                            ],
                        },
                        "stop_reason": "stop",
                    }
                ],
                "usage": {"input_tokens": 10, "output_tokens": 20},
                "time": 1.5,
            },
            "scores": {"match": {"value": "C" if right else "I", "answer": "…"}},
            "attachments": {"0" * 32: output},
        }
        for index, question, gold, sample, output, right in samples()
    ]


def inspect_zip(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "log.eval", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("header.json", json.dumps(inspect_log()))
        for one in inspect_samples():
            made.writestr(f"samples/{one['id']}_epoch_{one['epoch']}.json", json.dumps(one))
    return folder


def inspect_json(folder: Path) -> Path:
    write_json(folder / "log.json", {**inspect_log(), "samples": inspect_samples()})
    return folder


def evalscope(folder: Path) -> Path:
    """Rows come as they end, and the question is glued to the examples."""
    reviews, predictions = [], []
    for number, (index, question, gold, _, output, right) in enumerate(samples()):
        messages = [{"role": "user", "content": f"{SHOTS}{question}{ASK}"}]
        reviews.append(
            {
                "index": number,
                "target": gold,
                "messages": messages,
                "sample_score": {
                    "score": {
                        "value": {"acc": float(right)},
                        "extracted_prediction": "…",
                        "prediction": output,
                    },
                    "sample_id": number,
                    "group_id": index,
                },
            }
        )
        choice = {"message": {"content": output}, "stop_reason": "stop"}
        predictions.append(
            {
                "index": number,
                "model": MODEL,
                "model_output": {
                    "choices": [choice],
                    "usage": {"input_tokens": 10, "output_tokens": 20},
                },
                "messages": messages,
            }
        )
    name = "gsm8k_main.jsonl"
    write_lines(folder / "20261120" / "reviews" / "model-7b" / name, reversed(reviews))
    write_lines(folder / "20261120" / "predictions" / "model-7b" / name, predictions)
    return folder


def opencompass(folder: Path) -> Path:
    """A data set that is asked twice: its rows are repeated."""
    told, details = {}, []
    for number, (_, question, gold, _, output, right) in enumerate(samples()):
        shots = [{"role": "HUMAN", "prompt": "1 + 1?"}, {"role": "BOT", "prompt": "2"}]
        told[str(number)] = {
            "origin_prompt": [*shots, {"role": "HUMAN", "prompt": question}],
            "prediction": output,
            "gold": gold,
        }
        details.append({"pred": "…", "answer": gold, "correct": right})
    write_json(folder / "predictions" / "model-7b" / "gsm8k.json", told)
    write_json(folder / "results" / "model-7b" / "gsm8k.json", {"details": details})
    return folder


def nemo_skills(folder: Path) -> Path:
    for wanted in range(2):
        rows = [
            {
                "id": f"p-{index}",
                "problem": question,
                "expected_answer": gold,
                "generation": output,
                "predicted_answer": "…",
                "symbolic_correct": right,
                "judgement": f"Reasoning: x\nJudgement: {'Yes' if right else 'No'}",
                "num_generated_tokens": 20,
                "finish_reason": "stop",
            }
            for index, question, gold, sample, output, right in samples()
            if sample == wanted
        ]
        write_lines(folder / "eval-results" / "gsm8k" / f"output-rs{wanted}.jsonl", rows)
    return folder


def nemo_evaluator(folder: Path) -> Path:
    """The results, and beside them the logs of its steps, which are about the same rows."""
    results, requests, steps, trajectories = [], [{"config_hash": "aa", "_type": "meta"}], [], []
    for index, question, gold, sample, output, right in samples():
        key = {"problem_idx": index, "repeat": sample}
        prompt = f"Solve it.{ASK}\n\nProblem: {question}"
        scored = {"method": "mine", "correct": right, "extracted": "…"}
        said = {"reward": float(right), "extracted_answer": "…", "scoring_details": scored}
        asked = {"prompt": prompt, "expected_answer": gold}
        # Tokens are those of the prompt and of the response.
        cost = {"tokens": 30, "latency_ms": 1500.0}
        about = {"source": "mine", "question": question, "answer": gold}
        results.append(
            {**key, **said, "scorer_rewards": {}, **asked, "model_response": output,
             "metadata": about, **cost}
        )  # fmt: skip
        requests.append(
            {**key, "response": output, **cost, "model": MODEL, "finish_reason": "stop",
             "prompt_tokens": 10, "completion_tokens": 20, **asked, "seed_metadata": about}
        )  # fmt: skip
        steps.append({**key, **said, "scoring_metadata": {}, "response": output, **cost})
        trajectories.append({"step_id": f"{index}{sample}", **key, **asked, **said})
    benchmark = {"name": "gsm8k", "samples": 2, "repeats": 2, "scores": {}}
    config = {"benchmark": "gsm8k", "model": MODEL, "repeats": 2, "temperature": 0.6}
    inner = folder / "gsm8k"
    write_json(
        inner / "eval-20261120T101112Z-gsm8k.json",
        {"run_id": "eval-1", "sdk_version": "0.3.0", "config": config, "benchmark": benchmark},
    )
    write_lines(inner / "results.jsonl", results)
    write_lines(inner / "inference_log.jsonl", requests)
    write_lines(inner / "verified_log.jsonl", steps)
    write_lines(inner / "trajectories.jsonl", trajectories)
    write_json(inner / "runtime_stats.json", {"total_steps": 4})
    return folder


def matharena(folder: Path) -> Path:
    rows = [
        {
            "problem_idx": str(index),
            "problem": question,
            "model_name": MODEL,
            "model_config": "org/model",
            "idx_answer": sample,
            "user_message": question + ASK,
            "answer": output,
            "input_tokens": 10,
            "output_tokens": 20,
            "gold_answer": gold,
            "parsed_answer": "…",
            "correct": right,
        }
        for index, question, gold, sample, output, right in samples()
    ]
    write_parquet(folder / "gsm8k_outputs" / "train-00000-of-00001.parquet", rows)
    return folder


def every_eval_ever(folder: Path) -> Path:
    """A row a metric: both are about the same output."""
    rows = [
        {
            "schema_version": "0.3.0",
            "evaluation_id": "e",
            "model_id": MODEL,
            "evaluation_name": "mine.gsm8k",
            "evaluation_result_id": f"mine.gsm8k.{metric}",
            "sample_id": f"{index}-{sample}",
            "interaction_type": "single_turn",
            "input": {"raw": question, "reference": [gold]},
            "output": {"raw": [output]},
            "answer_attribution": [{"extracted_value": "…", "is_terminal": True}],
            "evaluation": {"score": float(right), "is_correct": right},
            "token_usage": {"input_tokens": 10, "output_tokens": 20},
        }
        for metric in ("exact", "other")
        for index, question, gold, sample, output, right in samples()
        if sample == index
    ]
    write_lines(folder / "x_samples.jsonl", rows)
    write_json(folder / "x.json", {"schema_version": "0.3.0", "eval_library": {"name": "lm_eval"}})
    return folder


def openai_batch(folder: Path) -> Path:
    """No golds, and a request that expired."""
    asked, replies = [], []
    for index, question, _, sample, output, _ in samples():
        key = f"p-{index}#{sample}"
        body = {"model": MODEL, "temperature": 0.6, "max_tokens": 300,
                "messages": [{"role": "user", "content": question}]}  # fmt: skip
        asked.append({"custom_id": key, "method": "POST", "url": "/v1", "body": body})
        message = {"role": "assistant", "content": output, "reasoning_content": "I count."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"model": MODEL, "choices": [choice], "usage": {"completion_tokens": 20}}
        response = {"status_code": 200, "body": reply}
        replies.append({"id": "1", "custom_id": key, "response": response, "error": None})
    expired = {"code": "batch_expired", "message": "expired"}
    replies[-1] = {**replies[-1], "response": None, "error": expired}
    write_lines(folder / "input.jsonl", asked)
    write_lines(folder / "output.jsonl", replies)
    return folder


def verl(folder: Path) -> Path:
    """Two steps of a training: a run each."""
    for step in (100, 200):
        rows = [
            {
                "input": f"system\nThink.\nuser\n{question}{ASK}\nassistant\n",
                "output": output,
                "gts": gold,
                "score": 1.0 if right else -1.0,
                "step": step,
                "acc": float(right),
            }
            for _, question, gold, _, output, right in samples()
        ]
        write_lines(folder / f"{step}.jsonl", rows)
    return folder


def trl(folder: Path) -> Path:
    rows = [
        {
            "step": 100,
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": output}],
            "accuracy_reward": float(right),
            "format_reward": float("nan"),
            "advantage": 0.5,
        }
        for _, question, _, _, output, right in samples()
    ]
    write_parquet(folder / "completions_00100.parquet", rows)
    return folder


def verifiers(folder: Path) -> Path:
    """Before version 1: a rollout a line, with what its environment counts among its metrics."""
    rows = [
        {
            "example_id": index,
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": output}],
            "answer": gold,
            "task": "gsm8k",
            "reward": float(right),
            "error": None,
            "timing": {"generation": {"duration": 0.9}, "total": 1.0},
            "is_completed": True,
            "is_truncated": False,
            "stop_condition": "max_turns_reached",
            "metrics": {"correct_answer": float(right), "num_turns": 1.0, "total_tool_calls": 0.0},
            "tool_defs": [],
            "token_usage": {"input_tokens": 20.0, "output_tokens": 9.0},
            "correct_answer": float(right),
            "num_turns": 1.0,
        }
        for index, question, gold, sample, output, right in samples()
    ]
    write_lines(folder / "results.jsonl", rows)
    write_json(
        folder / "metadata.json",
        {
            "env_id": "gsm8k",
            "model": MODEL,
            "sampling_args": {"temperature": 0.6},
            "version_info": {"vf_version": "0.1.14", "vf_commit": None},
        },
    )
    return folder


def verifiers_traces(folder: Path) -> Path:
    """Version 1: an episode a line, with graphs of messages."""
    rows = [
        {
            "id": f"{index}{sample}",
            "env": {"id": "gsm8k"},
            "task": {"type": "T", "data": {"idx": index, "prompt": question, "answer": gold}},
            "traces": [
                {
                    "verifiers": {"version": "0.4.0"},
                    "task": {
                        "type": "T",
                        "data": {"idx": index, "prompt": question, "answer": gold},
                    },
                    "agent": {"config": {"model": MODEL, "sampling": {"temperature": 0.6}}},
                    "nodes": [
                        {"message": {"role": "user", "content": question}, "sampled": False},
                        {"message": {"role": "assistant", "content": output}, "sampled": True},
                    ],
                    "calls": [{"model": MODEL, "finish_reason": "stop"}],
                    "rewards": {"correct": {"score": float(right), "weight": 1.0}},
                    "metrics": {"turns": 1.0},
                    "ok": True,
                }
            ],
            "ok": True,
        }
        for index, question, gold, sample, output, right in samples()
    ]
    write_lines(folder / "traces.jsonl", rows)
    return folder


LOGS = (
    (lm_eval, "lm-eval"), (lighteval, "lighteval"), (inspect_zip, "inspect"),
    (inspect_json, "inspect"), (evalscope, "evalscope"), (opencompass, "opencompass"),
    (nemo_skills, "nemo-skills"), (nemo_evaluator, "nemo-evaluator"), (matharena, "matharena"),
    (every_eval_ever, "every-eval-ever"), (openai_batch, "openai-batch"), (verl, "verl"),
    (trl, "trl"), (verifiers, "verifiers"), (verifiers_traces, "verifiers"),
)  # fmt: skip
"""(writer, format)."""
