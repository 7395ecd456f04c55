"""The gate: is a run worse than its baseline? With an exit code that a CI can act on."""
