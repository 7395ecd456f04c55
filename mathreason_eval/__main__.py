"""`python -m mathreason_eval` is `mathreason`."""

import sys
import traceback

from mathreason_eval.errors import EXIT_INTERNAL_ERROR


def main() -> None:
    """Run the command line; a damaged installation ends with 70, not with 1: a regression."""
    try:
        from mathreason_eval.cli import main as run
    except Exception:  # noqa: BLE001  of whatever is missing or damaged
        traceback.print_exc()
        sys.exit(EXIT_INTERNAL_ERROR)
    run()


# vLLM starts worker processes that import this module again: they must not run the command.
if __name__ == "__main__":
    main()
