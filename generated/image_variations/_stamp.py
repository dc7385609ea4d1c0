# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

VERSION = "0.1.0"
CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "a8f6122f59353663752909eee8368ed491ad30b277bcb84a77e1c0e85dcafb65"
PROFILE = "none"
TEMPLATES_SHA256 = "3e6e7ae731c6ab66a4a3258fb180c2f9c1e2c2b4ca18d710e443c1ba5c43f4f3"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
