"""`python -m mathreason_eval` is `mathreason`."""

from mathreason_eval.cli import main

# vLLM starts worker processes that import this module again: they must not run the command.
if __name__ == "__main__":
    main()
