"""What this package was generated from. `scripts/regenerate --check` compares it with what it finds."""

CONTRACT_VERSION = "1.0.0"
SPEC_SHA256 = "a7dc433e274d557f05d6b5f5a63c15b1612de495b87853659f97525b0e136612"
TEMPLATES_SHA256 = "87d6f35b1c43e9f750425d812b8470893d017745a8b4feb76e9cf7fdb4681325"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
