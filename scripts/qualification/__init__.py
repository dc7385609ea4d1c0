"""Qualify the suite: run it on servers with known defects and check what it reports.

The suite is correct if it reports each fault under the requirements that the fault breaks, and reports nothing else:
nothing about the reference server, whatever the seed, and nothing about the quirks, which are unusual but conforming.

The steps of a run, with the module of each:

1. choose the subjects, with the expected report of each   `subjects`
2. run the suite on each over loopback                     `trials`; in several processes `crew`
3. compare its report with the expected one                `verdicts`
4. print the kill matrix, and write or compare the file    `matrix`, `record`

"""
