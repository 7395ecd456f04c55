"""What a repair sets aside is kept, however often a file is damaged."""

from __future__ import annotations

from mathreason_eval.runs.repair import set_aside_damage


def test_what_was_set_aside_before_is_kept(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "generations.jsonl").write_text('{"problem_id":"p","sample":0,"text":""}\n')
    for damage in ("one\n", "two\n", "three\n"):
        (tmp_path / "t" / "problems.jsonl").write_text(damage)
        assert len(list(set_aside_damage(tmp_path))) == 1
    kept = {path.read_text() for path in (tmp_path / "t").glob("problems.jsonl.damaged*")}
    assert kept == {"one\n", "two\n", "three\n"}
