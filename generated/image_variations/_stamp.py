"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "a8f6122f59353663752909eee8368ed491ad30b277bcb84a77e1c0e85dcafb65"
PROFILE = "none"
TEMPLATES_SHA256 = "2a1a3641ad2b72e2ed7354dafb64002c105ef12569b698b5125af1a50762a59a"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
