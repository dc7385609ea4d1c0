"""Puts the suite itself to the test, on servers of which it is known what is wrong with them.

A suite is worth its name when it blames each fault under the requirements that the fault breaks, and blames nothing
else: neither the reference server, with whatever seed, nor the quirks, which are unusual and conformant.

One run, step by step, and the module that does each:

1. choose the subjects, and what is expected of each       `subjects`
2. run the suite on each, over loopback                    `trials`, in several processes `crew`
3. hold what it reported against what was expected         `verdicts`
4. print the kill matrix, and write or compare the file    `matrix`, `record`

Beside it, for comparison, plain Schemathesis is run on the same subjects: `plain`.
"""
