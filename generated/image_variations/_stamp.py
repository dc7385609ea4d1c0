"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "a8f6122f59353663752909eee8368ed491ad30b277bcb84a77e1c0e85dcafb65"
PROFILE = "none"
TEMPLATES_SHA256 = "c4fac67a0148b7ecf5d648b717340bfbf3ac646a4b15b18ddbc778be009cbe66"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
