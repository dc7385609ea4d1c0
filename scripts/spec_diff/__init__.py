"""Compare the contract with that of a git revision.

    revisions, files → tree, register → rules → touched, verdict → the command line

`tree` and `register` find every difference, `normal` says what is none, and `rules` what each means for callers and for
servers.
"""
