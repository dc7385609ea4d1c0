"""Writes the client package from the contract, or checks that it is in step with it.

One run, step by step, and the module that does each:

1. read the OpenAPI document and look for mistakes in it     `document`, `lint`
2. lower it to what the generator can take                   `lowering`
3. derive from it which files have to come out               `layout`
4. generate, format, stamp and verify in a folder aside      `build`
5. put the result in the place of the old package, whole     `swap`
   or, with `--check`, compare the two                       `check`

Whatever step refuses raises `Refused`, and the old package is what stands there.
"""
