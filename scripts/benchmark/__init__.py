"""Benchmarks behind `scripts/bench`: the generated client and the conformance suite, each with targets.

`measures` (client) and `suite` define what is measured and the targets. `environments` and `lock` install each subject
of the client's benchmark, `material` writes the test files, `server` responds to the calls, and `turns` runs one
`worker` process per subject. `figures` computes medians and ratios, `table` prints them.

`server`, `worker` and `subjects` run in the subjects' environments, so they import only the standard library and the
subject.
"""
