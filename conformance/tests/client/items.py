"""Items of responses whose images are in the responses themselves, or in a store on another host than the API."""

import json
from collections.abc import Mapping
from typing import Any

from client.driving import Driver
from client.recorder import CannedResponse, Recorder
from client.uploads import image
from image_variations import Image

FILE = image(300_000)


def item_with(driver: Driver, recorder: Recorder, **members: Any) -> Image:
    """Return the only item of a response. The item has these members."""
    recorder.expect(CannedResponse(200, json.dumps({"created": 1, "data": [members]}).encode()))
    (item,) = driver.call(image=image()).data
    recorder.expect()
    return item


def item_at(driver: Driver, recorder: Recorder, store: Recorder, *responses: CannedResponse) -> Image:
    """Return an item whose link leads to the store, which sends these responses."""
    store.expect(*responses)
    return item_with(driver, recorder, url=f"{store.origin}/a.png?signature=abc%2Fdef")


def file_response(content: bytes = FILE, status: int = 200, headers: Mapping[str, str] | None = None) -> CannedResponse:
    """Return a response of the store, by default one with FILE."""
    return CannedResponse(status, content, {"Content-Type": "image/png", **(headers or {})})
