"""Behaviour of benchmarks, a package each: generators, readers, graders, rules, metrics."""
