"""What the hot paths cost, each against the least that it could cost, measured in the same run.

`python -m tests.benchmarks [--quick] [--json FILE] [PART …]`; docs/performance.md says what is measured how.
"""
