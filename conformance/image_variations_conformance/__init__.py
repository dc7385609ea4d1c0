"""Conformance of servers and clients with the contract of POST /v1/images/variations.

The folders follow the flow of data. A module may import from its own folder and from those below it::

    cli         the command line, one module a command
    reports     a finished run as console text, report.json, junit.xml and a folder of bytes
    engine      a check: plan, send, judge, and one verdict for each requirement
    oracles     pure functions from exchanges to findings
    sources     exchanges with a server: connections, links, signals
    cases       the requests of a run
    contract    the OpenAPI document, the requirements, and what both say of one request
    media       PNG files and pictures
    wire        requests and responses as bytes
    vendoring   the command that copies the client into a source tree; needs no package of the extra [conformance]

`reference` is a server that meets every requirement, with faults that break requirements and quirks that do not. It
imports `contract` alone, and only the command line imports it.
"""
