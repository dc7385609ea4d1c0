# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The values of the enum `ImagesResponseSize`."""

from typing import Literal, TypeAlias

ImagesResponseSize: TypeAlias = Literal["256x256", "512x512", "1024x1024", "1024x1536", "1536x1024"]
