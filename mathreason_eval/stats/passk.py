"""The chance that at least one of k samples is right."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1 << 16)
def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return the unbiased pass@k of one problem, in [0, 1] (arXiv:2107.03374, eq. 1).

    1 - C(n - c, k) / C(n, k), as a product that neither overflows nor cancels.

    Args:
        n: samples of the problem.
        correct: how many of them are correct.
        k: samples drawn without replacement.

    Raises:
        ValueError: unless 0 <= correct <= n and 1 <= k <= n.
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {correct} correct among {n} samples does not exist.")
    if n - correct < k:
        return 1.0
    missed = 1.0
    for i in range(n - correct + 1, n + 1):
        missed *= 1.0 - k / i
    return 1.0 - missed
