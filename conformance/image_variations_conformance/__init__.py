"""Conformance of servers and clients with the contract of POST /v1/images/variations.

How a run goes, and the module of each step::

    contract      spec/openapi.yaml and spec/requirements.yaml, read once
    cases         the requests of a run: corners (named ones), strategies (drawn ones), schema_cases (from the spec)
    transport     sends exact bytes, reads answers that nobody vouches for
    exchange      one request and its answer, as they were on the wire
    appraisal     what the contract says of a request, read off its bytes
    oracles       pure functions from exchanges to findings; each finding names a requirement
    runner        cases through the transport, in order and in parallel
    run           findings put together: one verdict a requirement
    reports       console, report.json, junit.xml

`reference` is a server that keeps every requirement, and its faults.
"""

from importlib.metadata import version

__version__ = version("image-variations")
