"""The reward as the trainers themselves call it, where their packages are installed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from project import ROOT

BOXED, WRONG = r"So it is \boxed{7}.", r"So it is \boxed{8}."
REWARDS = ROOT / "mathreason_eval" / "reward"
PROMPT = "<|im_start|>user\nIs 3 + 4 = \\boxed{8}?<|im_end|>\n<|im_start|>assistant\n"


class Tokenizer:
    """Characters as tokens: what is decoded is the text, with special tokens if they are kept."""

    eos_token = "<|im_end|>"

    def __call__(self, text, **_):
        torch = pytest.importorskip("torch")
        return {"input_ids": torch.tensor([[ord(one) for one in text]])}

    def decode(self, tokens, *, skip_special_tokens=False):
        text = "".join(chr(int(one)) for one in tokens if int(one))
        return text.replace(self.eos_token, "") if skip_special_tokens else text

    def batch_decode(self, rows, *, skip_special_tokens=False):
        return [self.decode(row, skip_special_tokens=skip_special_tokens) for row in rows]


# --- verl ----------------------------------------------------------------------------------------


def verl_batch(responses):
    """Return responses as verl has them: tokens padded to one length, golds beside them."""
    protocol = pytest.importorskip("verl")
    import numpy as np
    import torch

    long = max(map(len, responses))
    padded = [[ord(one) for one in text] + [0] * (long - len(text)) for text in responses]
    tokens, asked = torch.tensor(padded), torch.ones((len(responses), 1), dtype=torch.long)
    mask = torch.cat([asked, (tokens != 0).long()], dim=1)
    golds = [{"ground_truth": "7", "style": "rule"} for _ in responses]
    return protocol.DataProto.from_dict(
        tensors={"prompts": asked, "responses": tokens, "attention_mask": mask},
        non_tensors={
            "data_source": np.array(["gsm8k"] * len(responses), dtype=object),
            "reward_model": np.array(golds, dtype=object),
            "extra_info": np.array([{"index": n} for n in range(len(responses))], dtype=object),
        },
    )


FILE, PACKAGE = str(REWARDS / "verl.py"), "pkg://mathreason_eval.reward.verl"


def verl_config(function, manager="naive", path=PACKAGE):
    conf = pytest.importorskip("omegaconf").OmegaConf
    chosen = {"path": path, "name": function}
    managers = {"source": "register", "name": manager}
    return conf.create({"reward": {"custom_reward_function": chosen, "reward_manager": managers}})


@pytest.mark.slow
@pytest.mark.parametrize(("manager", "path"), [("naive", PACKAGE), ("dapo", FILE)])
def test_the_reward_loop_of_verl_loads_the_function_and_scores_each_response(manager, path):
    trainer = pytest.importorskip("verl.trainer.ppo.reward")

    config = verl_config("compute_score", manager, path)

    async def scored():
        held = trainer.load_reward_manager(config, Tokenizer())
        batch = verl_batch([BOXED, WRONG, "I do not know."])
        return [await held.run_single(batch[n : n + 1]) for n in range(3)]

    assert [one["reward_score"] for one in asyncio.run(scored())] == [1.0, 0.0, 0.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manager", "function"),
    [("naive", "compute_score"), ("dapo", "compute_score"), ("batch", "compute_score_batch")],
)
def test_the_managers_of_verl_put_the_reward_on_the_last_token(manager, function):
    managers = pytest.importorskip("verl.workers.reward_manager")
    trainer = pytest.importorskip("verl.trainer.ppo.reward")
    function = trainer.get_custom_reward_fn(verl_config(function))
    held = managers.get_reward_manager_cls(manager)(Tokenizer(), 0, compute_score=function)
    batch = verl_batch([BOXED, WRONG + " "])
    found = held(batch)
    assert found.sum(dim=1).tolist() == [1.0, 0.0]
    assert found[0, len(BOXED) - 1] == 1.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("path", [PACKAGE, FILE])
def test_the_pool_of_processes_of_verl_scores_each_response(path):
    prime = pytest.importorskip("verl.workers.reward_manager.prime")
    trainer = pytest.importorskip("verl.trainer.ppo.reward")
    compute_score = trainer.get_custom_reward_fn(verl_config("compute_score", path=path))
    texts, golds = [BOXED, WRONG] * 4, ["7"] * 8
    found = prime.run_reward_scoring(
        compute_score, texts, golds, ["gsm8k"] * 8, [{}] * 8, num_processes=2
    )
    assert found == [1.0, 0.0] * 4


# --- OpenRLHF --------------------------------------------------------------------------------


class Engine:
    """As vLLM's: a response that ends with the template's token."""

    def __init__(self, text):
        tokens = [ord(one) for one in text + Tokenizer.eos_token]
        self._said = SimpleNamespace(token_ids=tokens, finish_reason="stop", logprobs=None)

    async def generate(self, *_, **__):
        return SimpleNamespace(outputs=[self._said])


@pytest.mark.slow
@pytest.mark.parametrize(("text", "wanted"), [(BOXED, 1.0), (WRONG, 0.0), ("I do not know.", 0.0)])
def test_the_agent_of_openrlhf_loads_the_file_and_has_a_reward_in_its_experience(text, wanted):
    agent = pytest.importorskip("openrlhf.utils.agent")
    executor = agent.SingleTurnAgentExecutor(str(REWARDS / "openrlhf.py"))
    sampling = SimpleNamespace(max_tokens=100, logprobs=None)
    done = asyncio.run(executor.execute(PROMPT, "7", sampling, 1000, Tokenizer(), Engine(text)))
    assert done["reward"].tolist() == [wanted]
    assert done["scores"].tolist() == [wanted]
    assert set(done["extra_logs"]) == {"undecided", "unfinished"}


# --- NeMo Gym ------------------------------------------------------------------------------------

ASKED = {"input": [{"role": "user", "content": "3 + 4?"}]}


def gym_reply(text):
    """Return a response as NeMo Gym's model server has it."""
    said = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
    return {
        "id": "r", "object": "response", "created_at": 1.0, "model": "m", "tool_choice": "auto",
        "parallel_tool_calls": False, "tools": [], "output": [{**message, "content": [said]}],
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("text", "wanted"), [(BOXED, 1.0), (WRONG, 0.0), ("I do not know.", 0.0)])
def test_a_resources_server_of_nemo_gym_answers_with_the_reward(text, wanted):
    gym = pytest.importorskip("nemo_gym.base_resources_server")
    server = pytest.importorskip("nemo_gym.server_utils")
    client = pytest.importorskip("fastapi.testclient")
    from mathreason_eval.reward.nemo import verify

    class Asked(gym.BaseVerifyRequest):
        expected_answer: str

    class MathServer(gym.SimpleResourcesServer):
        async def verify(self, body: Asked) -> gym.BaseVerifyResponse:
            return gym.BaseVerifyResponse(**await verify(body.model_dump()))

    # FastAPI looks the annotation up among the module's names, where no local class is.
    MathServer.verify.__annotations__.update(body=Asked, **{"return": gym.BaseVerifyResponse})
    config = gym.BaseResourcesServerConfig(host="127.0.0.1", port=0, entrypoint="", name="math")
    made = MathServer(config=config, server_client=server.ServerClient.model_construct())
    body = {
        "responses_create_params": ASKED,
        "response": gym_reply(text),
        "expected_answer": "7",
    }
    replied = client.TestClient(made.setup_webserver()).post("/verify", json=body)
    assert replied.status_code == 200, replied.text
    assert replied.json()["reward"] == wanted
