# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

VERSION = "0.1.0"
CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "a8f6122f59353663752909eee8368ed491ad30b277bcb84a77e1c0e85dcafb65"
PROFILE = "none"
TEMPLATES_SHA256 = "c9a65107f810f2d5725b2e916d1387f3c4c4520173a5c2a66702cb7e46abda83"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
