"""The contract: the OpenAPI document, the requirements, and what both say of one request."""
