"""Measures the client beside its peers, and the suite beside others, and holds both to their targets.

One run, step by step, and the module that does each:

1. make an environment for each subject                   `lock`, `environments`
2. make what is sent and answered                         `material`
3. start the server, in a process of its own              `server`
4. start one process a subject; turn by turn, each does   `measures`, `turns`
   the same few calls, round after round                  there `worker`, `subjects`
5. median, ratio in the same round, target                `figures`
6. print the table                                        `table`

The conformance suite has its own measures, in `suite`: on the same server, and on the reference server.

`server`, `worker` and `subjects` run in the environments of the subjects and import nothing but the standard library
and the subject.
"""
