"""Workers answer, or are killed and replaced; they trouble nobody else and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from processes import wait_until_gone

from mathreason_eval.grade.workers import Worker, WorkerError, WorkerPool

pytestmark = pytest.mark.slow


def request(gold="x", answer="y"):
    return {"grader": "math", "gold": gold, "answer": answer, "convention": {}}


def test_a_worker_that_is_late_is_killed_and_replaced():
    worker = Worker()
    worker.ask(request("1", "1"), 20)
    with pytest.raises(WorkerError, match="no verdict within"):
        worker.ask(request(r"\int_0^1 e^{x^2}dx", r"\sum_{n=0}^\infty \frac{1}{n!(2n+1)}"), 0.001)
    assert worker.ask(request("1", "1"), 20)["equal"] is not False
    worker.kill()


def test_a_worker_that_dies_is_replaced():
    worker = Worker()
    worker.ask(request("1", "1"), 20)
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match="died"):
        worker.ask(request(), 20)
    assert worker.ask(request("1", "1"), 20)["equal"] is not False
    worker.kill()


def test_a_spare_takes_the_place_of_a_killed_worker(monkeypatch):
    def late(worker, process, deadline, *_):
        raise WorkerError(f"no verdict within {deadline:g} s")

    with WorkerPool(1) as pool:
        pool.ask(request("1", "1"), 30)
        first, spare = pool._workers[0], pool._spare
        assert not spare.is_started
        with monkeypatch.context() as patched:
            patched.setattr(Worker, "_has_reply", lambda *_: False)
            patched.setattr(Worker, "_read", late)
            with pytest.raises(WorkerError, match="within 5 s"):
                pool.ask(request(), 5)
        assert spare.is_started
        assert pool._spare is first
        assert pool.ask(request("1", "1"), 30)[0]["equal"] is not False
        assert spare.is_started


def test_a_quick_reply_starts_no_spare():
    with WorkerPool(1) as pool:
        pool.ask(request("1", "1"), 30)
        assert pool.ask(request("2", "1+1"), 30)[0]["equal"] is True
        assert not pool._spare.is_started


def test_a_pool_lends_each_worker_to_one_thread():
    with WorkerPool(2) as pool:
        answers: list[object] = []

        def ask():
            answers.extend(pool.ask(request(str(i), str(i)), 30)[0]["equal"] for i in range(5))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 20


def test_a_worker_that_asks_for_too_much_memory_dies_and_is_replaced(tmp_path, monkeypatch):
    (tmp_path / "hungry.py").write_text(
        "def prepare(): pass\n"
        "def answers(request):\n    bytearray(request['bytes'])\n    yield {'fits': True}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    worker = Worker("hungry", memory=1 << 30)
    assert worker.ask({"bytes": 1}, 20) == {"fits": True}
    with pytest.raises(WorkerError, match="died"):
        worker.ask({"bytes": 4 << 30}, 20)
    assert worker.ask({"bytes": 1}, 20) == {"fits": True}
    worker.kill()


def test_a_worker_knows_none_of_the_users_secrets(tmp_path, monkeypatch):
    (tmp_path / "nosy.py").write_text(
        "import os\ndef prepare(): pass\ndef answers(request):\n    yield dict(os.environ)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    secrets = ("OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MY_PW")
    for name in secrets:
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    worker = Worker("nosy")
    seen = worker.ask({}, 20)
    worker.kill()
    assert "hush" not in seen.values()
    # And what it needs is there.
    assert (seen["LC_ALL"], seen["OMP_NUM_THREADS"], seen["PATH"]) == (
        *("C.UTF-8", "3"),
        os.environ["PATH"],
    )


def test_a_worker_imports_nothing_from_the_current_folder(tmp_path, monkeypatch):
    for name in ("mathreason_eval", "sympy", "json"):
        (tmp_path / f"{name}.py").write_text("import os\nopen('pwned', 'w')\nos._exit(1)\n")
    monkeypatch.chdir(tmp_path)
    worker = Worker()
    assert worker.ask(request("1", "1"), 20)["equal"] is not False
    worker.kill()
    assert not (tmp_path / "pwned").exists()


def test_a_request_that_is_broken_off_leaves_no_answer_for_the_next(tmp_path, monkeypatch):
    (tmp_path / "echo.py").write_text(
        "def prepare(): pass\ndef answers(request):\n    yield from request['say']\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    worker = Worker("echo")
    answers = worker.ask_each({"say": [{"a": 1}, {"a": 2}]}, 2, 20)
    assert next(answers) == {"a": 1}
    answers.close()
    assert worker.ask({"say": [{"a": 3}]}, 20) == {"a": 3}
    worker.kill()


def test_a_script_without_a_main_guard_may_use_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from mathreason_eval.grade.verify import verify_rows\n"
        "rows = [{'gold': '1', 'answer': '1'}] * 3\n"
        "print([row['equal'] for row in verify_rows(rows, workers=2)])\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == ("[True, True, True]", "")


def test_workers_end_with_a_parent_that_is_killed():
    code = textwrap.dedent("""
        import os, signal
        from mathreason_eval.grade.workers import Worker
        worker = Worker()
        worker.ask({"grader": "math", "gold": "1", "answer": "1"}, 20)
        print(worker._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")


def test_an_answer_to_another_request_is_no_answer(tmp_path, monkeypatch):
    (tmp_path / "parrot.py").write_text(
        "def prepare(): pass\ndef answers(request):\n    yield request\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    worker = Worker("parrot")
    worker.ready().stdin.write(b'{"id": "another", "request": {"a": 1}}\n')
    with pytest.raises(WorkerError, match="another request"):
        worker.ask({"a": 2}, 20)
    assert worker.ask({"a": 3}, 20) == {"a": 3}
    worker.kill()


FORKS = r"""
    import multiprocessing, os, threading, warnings
    from mathreason_eval import verify
    from mathreason_eval.grade import verify as module

    warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
    SUM = r"\sum_{n=1}^\infty \frac{%d}{n^2}"

    def judged(number):
        right = number % 3 != 0
        answer = r"\frac{%d \pi^2}{6}" % (number if right else number + 1)
        return number, right, verify(SUM % number, answer, deadline=60).equal

    def worker_of(judge):
        return judge._pool._workers[-1]._process.pid

    assert judged(1) == (1, True, True)
    judge = module.shared_judge(60, 2)
    ours = worker_of(judge)
    locked, done = threading.Event(), threading.Event()

    def hold():
        with judge._lock, judge._pool._idle.mutex:
            locked.set()
            done.wait()

    # Another thread holds every lock while the children are made.
    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = pool.map(judged, range(2, 82), chunksize=5)
        done.set()
        thread.join()
    print(sum(right is equal for _, right, equal in found), len(found))
    print(judged(101)[2], worker_of(judge) == ours)
    child = os.fork()
    if not child:
        judge.close()  # as at exit: the parent's worker is none of the child's
        os._exit(0)
    os.waitpid(child, 0)
    print(judged(103)[2], worker_of(judge) == ours)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_forked_processes_have_workers_of_their_own():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKS)],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["80", "80", *["True"] * 4], "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_request_made_before_a_fork_is_answered_to_its_process_alone(tmp_path):
    (tmp_path / "twice.py").write_text(
        "def prepare(): pass\ndef answers(request):\n    yield from ({'a': 1}, {'a': 2})\n"
    )
    code = textwrap.dedent("""
        import os
        from mathreason_eval.grade.workers import Worker, WorkerError
        worker = Worker("twice")
        answers = worker.ask_each({}, 2, 20)
        next(answers)
        child = os.fork()
        if not child:
            try:
                next(answers)
            except WorkerError:
                os._exit(0 if worker.ask_each({}, 2, 20).__next__() == {"a": 1} else 1)
            os._exit(2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), next(answers)["a"])
        worker.kill()
    """)
    path = os.pathsep.join(filter(None, [str(tmp_path), *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, timeout=100,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["0", "2"], "")


BUSY = """
def prepare(): pass
def answers(request):
    yield {"pid": __import__("os").getpid()}
    3 ** 10**9
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_that_computes_without_pause_ends_with_its_parent(tmp_path):
    """No thread and no handler runs in the middle of one long multiplication."""
    (tmp_path / "busy.py").write_text(BUSY)
    code = textwrap.dedent("""
        import os, signal
        from mathreason_eval.grade.workers import Worker
        answers = Worker("busy").ask_each({}, 2, 60)
        print(next(answers)["pid"], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    path = os.pathsep.join(filter(None, [str(tmp_path), *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    wait_until_gone([int(done.stdout)])
