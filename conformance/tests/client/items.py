"""Items of answers whose files are in the answers themselves, or in a store that is another host than the API."""

import json
from collections.abc import Mapping
from typing import Any

from client.driving import Driver
from client.recorder import Answer, Recorder
from client.uploads import image
from image_variations import Image

FILE = image(300_000)


def item_with(driver: Driver, recorder: Recorder, **members: Any) -> Image:
    """Return the item of an answer that has these members."""
    recorder.expect(Answer(200, json.dumps({"created": 1, "data": [members]}).encode()))
    (item,) = driver.call(image=image()).data
    recorder.expect()
    return item


def item_at(driver: Driver, recorder: Recorder, store: Recorder, *answers: Answer) -> Image:
    """Return an item whose link leads to the store, which gives these answers."""
    store.expect(*answers)
    return item_with(driver, recorder, url=f"{store.origin}/a.png?signature=abc%2Fdef")


def kept(content: bytes = FILE, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return what the store answers where it has the file, or has not."""
    return Answer(status, content, {"Content-Type": "image/png", **(headers or {})})
