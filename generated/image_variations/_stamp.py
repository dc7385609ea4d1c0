"""What this package was generated from. `scripts/regenerate --check` compares it with what it finds."""

CONTRACT_VERSION = "1.0.0"
SPEC_SHA256 = "ab3ae0da30f61fe03f1cf91a1d84828927d6f9a2628d18131874406fd2c23fef"
TEMPLATES_SHA256 = "85c15e88b358e3be3ca2762668a9a0de5575c1b2fb42d667b5882332125eb0ab"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
