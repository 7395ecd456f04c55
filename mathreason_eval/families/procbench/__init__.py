"""The 23 procedures of ProcBench (arXiv:2410.03117), each told, drawn, carried out and read back.

`procedure` says what one is; `building`, `editing`, `dividing`, `counting`, `sentences`,
`rewriting` and `cycles` hold them by what they do; `problems` makes problems of them.
"""
