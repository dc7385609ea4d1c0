# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

VERSION = "0.1.0"
CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "a8f6122f59353663752909eee8368ed491ad30b277bcb84a77e1c0e85dcafb65"
PROFILE = "none"
TEMPLATES_SHA256 = "afb3e1a190d1239026c8c008f2e931e86c498c7ec06400b5b339a886b8574f4e"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
