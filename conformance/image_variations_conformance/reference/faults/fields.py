"""Faults in the validation of all form fields except the image and n."""

from __future__ import annotations

import re

from ..registry import Change, FaultFamily
from .factories import NO_5XX, accepts, crashes_on, reads, refuses
from .features import absent, text
from .no_response import Failure
from .texts import default, like, replaced, sent

fault = FaultFamily("validation")

_INTEGER, _STRICT = "IV-N-INTEGER", "IV-N-STRICT"
_SIZE, _FORMAT, _MODEL = "IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN"
_NAMES = ("n", "size", "response_format", "model")
_UNKNOWN = (_SIZE, _FORMAT, _MODEL)
_ENUMS = {"size": "IV-SIZE-ENUM", "response_format": "IV-FORMAT-ENUM"}


def _refuses_value(name: str, value: str, status: Failure = 400) -> Change:
    """Refuse one of the values that a field may have."""
    return refuses(_ENUMS[name], text(name, value.__eq__), status, param=name, message=f"{name} must not be {value}.")


# --- size


def _only_utf_8(value: str | None) -> str | None:
    return None if value is None else value.encode("utf-8", "surrogateescape").decode("utf-8", "ignore")


# fmt: off
fault("size-any-made", "Accepts any size up to 999x999, and makes images of its width.",
      accepts(_SIZE, like("[1-9][0-9]{0,2}x[1-9][0-9]{0,2}"), instead=lambda problem: problem.text))
fault("size-unknown-accepted", "Accepts an unknown size and makes images of the default size.",
      accepts(_SIZE, lambda problem: problem.text != ""))
fault("size-auto-accepted", "Accepts the size auto of another operation.", accepts(_SIZE, sent("auto")))
fault("size-of-other-models-accepted", "Accepts the sizes of other models, such as 1024x1536 and 1792x1024.",
      accepts(_SIZE, sent("1024x1536", "1536x1024", "1792x1024", "1024x1792")))
fault("size-half-accepted", "Accepts a size that is one number, as in 256.",
      reads(_SIZE, size=replaced(r"^([0-9]+)$", r"\1x\1")))
fault("size-trimmed", "Accepts a size with white space around it.", reads(_SIZE, size=replaced(r"^\s+|\s+$", "")))
fault("size-nul-cut", "Reads size up to a NUL character, as C does.", reads(_SIZE, size=replaced("\0.*", "")))
fault("size-numbers-compared", "Accepts a size whose numbers are right but written otherwise, as in 0256x0256.",
      reads(_SIZE, size=replaced(r"(?<![0-9])0+(?=[0-9])|\.0+(?![0-9])", "")))
fault("size-byte-order-mark-stripped", "Strips a byte order mark before a size, as decoders of texts do.",
      reads(_SIZE, size=replaced("^\ufeff", "")))
fault("size-empty-as-missing", "Takes an empty size for a missing one.", accepts(_SIZE, sent("")))
fault("size-unknown-crashes", "Answers 500 to an unknown size.", crashes_on(_SIZE))
fault("size-empty-crashes", "Answers 500 to an empty size.", crashes_on(_SIZE, when=sent("")))
fault("size-half-crashes", "Answers 500 to a size without an x, which it cannot split.",
      crashes_on(_SIZE, when=lambda problem: bool(problem.text) and "x" not in problem.text))
fault("size-required", "Refuses a request without size.",
      refuses("IV-SIZE-DEFAULT", absent("size"), param="size", message="size is missing."))
fault("size-512-refused", "Refuses the size 512x512.", _refuses_value("size", "512x512"))
fault("size-256-refused", "Refuses the size 256x256.", _refuses_value("size", "256x256"))
fault("size-512-crashes", "Answers 500 to the size 512x512.", _refuses_value("size", "512x512", 500))
fault("size-1024-times-out", "Answers 504 to the size 1024x1024.", _refuses_value("size", "1024x1024", 504))
fault("size-default-512", "Makes images of 512x512 pixels if size is missing.",
      reads("IV-SIZE-DEFAULT", size=default("512x512")))
fault("size-default-256", "Makes images of 256x256 pixels if size is missing.",
      reads("IV-SIZE-DEFAULT", size=default("256x256")))

# --- response_format

fault("b64-json-refused", "Refuses the response_format b64_json.",
      _refuses_value("response_format", "b64_json"))
fault("url-refused", "Refuses the response_format url.", _refuses_value("response_format", "url"))
fault("url-crashes", "Answers 500 to the response_format url, for lack of a store.",
      _refuses_value("response_format", "url", 500))
fault("format-unknown-accepted", "Accepts an unknown response_format and returns links.",
      accepts(_FORMAT, lambda problem: problem.text != ""))
fault("format-base64-accepted", "Accepts base64 as response_format.",
      accepts(_FORMAT, sent("base64", "b64", "b64-json"), instead=lambda _: "b64_json"))
fault("format-part-accepted", "Accepts a part of the name of a response_format, and returns links.",
      accepts(_FORMAT, lambda problem: problem.text != "" and problem.text in "url b64_json"))
fault("format-trimmed", "Accepts a response_format with white space around it.",
      reads(_FORMAT, response_format=replaced(r"^\s+|\s+$", "")))
fault("format-first-read", "Accepts a list of formats and uses the first.",
      reads(_FORMAT, response_format=replaced(",.*", "")))
fault("format-empty-as-missing", "Takes an empty response_format for a missing one.", accepts(_FORMAT, sent("")))
fault("format-unknown-crashes", "Answers 500 to an unknown response_format.", crashes_on(_FORMAT))
fault("format-default-b64-json", "Returns base64 instead of links if response_format is missing.",
      reads("IV-FORMAT-DEFAULT", response_format=default("b64_json")))
fault("format-required", "Refuses a request without response_format.",
      refuses("IV-FORMAT-DEFAULT", absent("response_format"), param="response_format",
              message="response_format is missing."))

# --- model

fault("model-refused", "Refuses the model dall-e-2.",
      refuses("IV-MODEL-ACCEPTED", text("model", bool), param="model", code="model_not_found",
              message="model must be sd-turbo or left out."))
fault("model-sent-crashes", "Answers 500 to a request with a model.",
      refuses("IV-MODEL-ACCEPTED", text("model", bool), 500))
fault("model-required", "Refuses a request without model.",
      refuses("IV-MODEL-OPTIONAL", absent("model"), param="model", message="model is missing."))
fault("model-absent-crashes", "Answers 500 to a request without model.",
      refuses("IV-MODEL-OPTIONAL", absent("model"), 500))
fault("model-ignored", "Accepts any model that is not empty.", accepts(_MODEL, lambda problem: problem.text != ""))
fault("model-family-accepted", "Accepts models of other image operations, such as dall-e-3.",
      accepts(_MODEL, sent("dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5")))
fault("model-case-ignored", "Accepts the model in upper case.",
      accepts(_MODEL, lambda problem: problem.text.lower() == "dall-e-2"))
fault("model-trimmed", "Accepts the model with white space around it.",
      accepts(_MODEL, lambda problem: problem.text.strip() == "dall-e-2"))
fault("model-provider-accepted", "Accepts the model with a provider before it, as in openai/dall-e-2.",
      accepts(_MODEL, like("[a-z]+/dall-e-2")))
fault("model-empty-as-missing", "Takes an empty model for a missing one.", accepts(_MODEL, sent("")))
fault("model-unknown-crashes", "Answers 500 to an unknown model.", crashes_on(_MODEL))
fault("model-unknown-502", "Answers 502 to an unknown model, which its upstream server refuses.",
      crashes_on(_MODEL, 502))
fault("model-path-crashes", "Answers 500 to a model that is a file path.", crashes_on(_MODEL, when=like(r"\.\./.*")))

# --- user

fault("user-required", "Refuses a request without user.",
      refuses("IV-USER-OPTIONAL", absent("user"), param="user", message="user is missing."))
fault("user-absent-crashes", "Answers 500 to a request without user.", refuses("IV-USER-OPTIONAL", absent("user"), 500))
fault("user-empty-refused", "Refuses an empty user.",
      refuses("IV-USER-LENGTH", text("user", lambda user: not user), param="user", message="user must not be empty."))
fault("user-over-64-refused", "Refuses a user of more than 64 characters.",
      refuses("IV-USER-LENGTH", text("user", lambda user: len(user) > 64), param="user",
              message="user must have at most 64 characters."),
      also=("IV-USER-TEXT",))
fault("user-over-255-crashes", "Answers 500 to a user that does not fit into a column of 255 characters.",
      refuses("IV-USER-LENGTH", text("user", lambda user: len(user) > 255), 500))
fault("user-over-1-mb-crashes", "Answers 500 to a user of more than 1 MB, the limit of a form parser for a field.",
      refuses("IV-ERR-NO-5XX", text("user", lambda user: len(user) > 1_000_000), 500))
fault("user-unicode-crashes", "Answers 500 to a user with non-ASCII characters.",
      refuses("IV-USER-TEXT", text("user", lambda user: not user.isascii()), 500))
fault("user-four-byte-characters-crash",
      "Answers 500 to a user with characters of four bytes in UTF-8, which its database does not store.",
      refuses("IV-USER-TEXT", text("user", lambda user: any(character > "\uffff" for character in user)), 500))
fault("user-member-crashes",
      "Answers 500 to a user that is the name of a member of every object, as it counts users in an object.",
      refuses("IV-USER-TEXT", text("user", lambda user: user in {"constructor", "toString", "valueOf"}), 500))
fault("user-punctuation-refused", "Refuses a user with ASCII characters other than letters, digits and . _ @ - in it.",
      refuses("IV-USER-TEXT", text("user", lambda user: re.search(r"[ -~](?<![\w.@-])", user, re.ASCII) is not None),
              param="user", message="user must be an identifier."))
fault("user-control-characters-crash", "Answers 500 to a user with NUL or a line end in it.",
      refuses(NO_5XX, text("user", lambda user: re.search("[\0\r\n]", user) is not None), 500))
fault("text-not-utf-8-crashes", "Answers 500 to a user that is not UTF-8.",
      crashes_on(NO_5XX, when=lambda problem: problem.detail == "text-not-utf-8"))
fault("values-not-utf-8-crash", "Answers 500 to any value that is not UTF-8, which it cannot write in its error.",
      crashes_on((_INTEGER, *_UNKNOWN), when=lambda problem: problem.detail == "text-not-utf-8"))
fault("bytes-not-utf-8-removed", "Removes bytes that are not UTF-8 from all values.",
      reads((_INTEGER, *_UNKNOWN), **dict.fromkeys(_NAMES, _only_utf_8)))

# --- several fields

fault("empty-as-missing", "Treats empty fields as missing.",
      reads((_INTEGER, *_UNKNOWN), **dict.fromkeys(_NAMES, lambda value: value or None)))
fault("values-trimmed", "Removes white space around the values of all fields.",
      reads((_STRICT, *_UNKNOWN), **dict.fromkeys(_NAMES, replaced(r"^\s+|\s+$", ""))), also=(_INTEGER,))
fault("letter-case-ignored", "Accepts size and response_format in upper case, as in 256X256 and URL.",
      accepts("IV-ENUM-CASE", instead=lambda problem: problem.text.lower()))
fault("other-case-crashes", "Answers 500 to size and response_format in upper case.", crashes_on("IV-ENUM-CASE"))
