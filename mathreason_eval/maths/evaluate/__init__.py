"""The value of a tree: exactly, in fields, modulo primes, by numbers; polynomials."""
