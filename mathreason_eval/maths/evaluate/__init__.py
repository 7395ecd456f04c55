"""What a tree is worth: exactly, in fields, modulo primes, by numbers."""
