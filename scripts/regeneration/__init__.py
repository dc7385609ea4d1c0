"""Generate the client package from the contract, or check that the package matches the contract.

The steps of one run, and the module of each step:

1. read the OpenAPI document, and report its mistakes and what
   the client cannot express, by file and line                  `document`, `mistakes`
2. rewrite it into a document that the generator supports       `lowering`
3. extract what the generator drops, for the templates          `facts`
4. derive the names of the files that must be generated         `layout`
5. generate, format, stamp and verify in a temporary folder     `build`; `contents` calls the client
6. replace the old package by the new one,                      `vendoring.swap`
   or, with `--check`, compare the two                          `check`

A step that fails raises `Refused`, and the old package stays as it is.
"""
