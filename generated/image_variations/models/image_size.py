# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The values of the enum `ImageSize`."""

from typing import Literal, TypeAlias

ImageSize: TypeAlias = Literal["256x256", "512x512", "1024x1024"]
