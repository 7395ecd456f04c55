"""Knights and knaves: truth-tellers and liars, what they say, and who is what.

`logic` says what a statement means and solves a puzzle, `sampling` draws puzzles, `perturbing`
changes one, `wording` tells it in words, `family` makes an original with its six variants, and
`published` draws and tells the puzzles of arXiv:2410.23123 again, bit for bit.
"""
