"""Compare the contract with that of a git revision.

    revision → document, register → rules → touched, verdict → the command line

`document` and `register` find every difference, `rules` says what each means for callers and for servers.
"""
