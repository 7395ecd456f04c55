"""The gate: is a run worse than its baseline? The exit code says so to a CI."""
