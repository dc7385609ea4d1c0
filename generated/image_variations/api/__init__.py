# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The operations: one package per tag, with one module per operation."""
