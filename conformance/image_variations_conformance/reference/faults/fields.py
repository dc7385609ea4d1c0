"""Faults in the validation of all form fields except the image."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Callable

from ..app.api_error import ApiError
from ..registry import FaultFamily
from .factories import accepts, crashes_on, reads, refuses
from .features import absent, text

fault = FaultFamily("validation")

_INTEGER, _BOUNDS, _STRICT = "IV-N-INTEGER", "IV-N-BOUNDS", "IV-N-STRICT"
_BOTH = (_INTEGER, _STRICT)
_UNKNOWN = ("IV-SIZE-UNKNOWN", "IV-FORMAT-UNKNOWN", "IV-MODEL-UNKNOWN")


def _sent(*texts: str) -> Callable[[ApiError], bool]:
    """Return whether the invalid text is one of these."""
    return lambda problem: problem.text in texts


def _like(pattern: str) -> Callable[[ApiError], bool]:
    """Return whether the whole invalid text matches a pattern."""
    return lambda problem: re.fullmatch(pattern, problem.text, re.DOTALL) is not None


def _replaced(pattern: str, by: str) -> Callable[[str | None], str | None]:
    """Return a change that replaces each match of a pattern in a text."""
    return lambda sent: None if sent is None else re.sub(pattern, by, sent)


def _default(value: str) -> Callable[[str | None], str | None]:
    """Return a change that reads a value where the field is absent."""
    return lambda sent: value if sent is None else sent


def _parsed(parse: Callable[[str], float]) -> Callable[[str | None], str | None]:
    """Return a change that reads a number by a parser. What the parser refuses, and fractions, are left as they are."""

    def read(sent: str | None) -> str | None:
        with contextlib.suppress(ValueError, OverflowError):
            if sent is not None and parse(sent) == int(parse(sent)):
                return str(int(parse(sent)))
        return sent

    return read


def _javascript(sent: str) -> float:
    """Return the number that Number() of JavaScript returns, without Infinity and NaN."""
    sent = sent.strip()
    if re.fullmatch("0[xXoObB][0-9a-fA-F]+", sent):
        return int(sent, 0)
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|", sent):
        raise ValueError(sent)
    return float(sent or 0)


# --- n: valid values

fault(
    "n-over-five-refused",
    "Refuses n greater than 5.",
    refuses("IV-N-RANGE", lambda received: received.wanted.count > 5, param="n", message="n must be from 1 to 5."),
)
fault(
    "n-ten-refused",
    "Refuses n=10, as a comparison does that is off by one.",
    refuses("IV-N-RANGE", lambda received: received.wanted.count == 10, param="n", message="n must be below 10."),
)
fault(
    "n-other-than-one-refused",
    "Refuses any n but 1.",
    refuses("IV-N-RANGE", lambda received: received.wanted.count > 1, param="n", message="n must be 1."),
)
fault(
    "many-images-time-out",
    "Answers 504 to n greater than 5, as a gateway with a short timeout does.",
    refuses("IV-N-RANGE", lambda received: received.wanted.count > 5, 504),
)
fault("n-default-two", "Makes two images if n is missing.", reads("IV-N-DEFAULT", n=_default("2")))
fault(
    "n-required",
    "Refuses a request without n.",
    refuses("IV-N-DEFAULT", absent("n"), param="n", message="n is missing."),
)
fault("n-absent-crashes", "Answers 500 to a request without n.", refuses("IV-N-DEFAULT", absent("n"), 500))

# --- n: out of range

fault("n-zero-accepted", "Accepts n=0 and returns an empty list.", accepts(_BOUNDS, _sent("0"), instead=lambda _: 0))
fault("n-zero-as-default", "Takes n=0 for a missing n.", accepts(_BOUNDS, _sent("0")))
fault("n-zero-crashes", "Answers 500 to n=0.", crashes_on(_BOUNDS, when=_sent("0")))
fault(
    "n-clamped",
    "Clamps n to the range from 1 to 10 instead of refusing values outside it.",
    accepts(_BOUNDS, _like("-?[0-9]{1,9}"), instead=lambda problem: min(max(int(problem.text), 1), 10)),
)
fault("n-eleven-accepted", "Accepts n=11 and makes eleven images.", accepts(_BOUNDS, _sent("11"), instead=lambda _: 11))
fault("n-eleven-crashes", "Answers 500 to n=11.", crashes_on(_BOUNDS, when=_sent("11")))
fault("n-negative-accepted", "Accepts a negative n as one image.", accepts(_BOUNDS, _like("-[1-9][0-9]*")))
fault("n-negative-crashes", "Answers 500 to a negative n.", crashes_on(_BOUNDS, when=_like("-[1-9][0-9]*")))
fault(
    "n-wraps-at-32-bits",
    "Reads n modulo 2 to the power of 32.",
    reads(_BOUNDS, n=_parsed(lambda sent: int(sent) % 2**32 if re.fullmatch("[0-9]{10,30}", sent) else float("nan"))),
)
fault(
    "n-wraps-at-8-bits",
    "Reads n modulo 256.",
    reads(_BOUNDS, n=_parsed(lambda sent: int(sent) % 256 if re.fullmatch("[0-9]{3,30}", sent) else float("nan"))),
)
fault(
    "n-huge-crashes",
    "Answers 500 to an n that does not fit into 64 bits.",
    crashes_on(_BOUNDS, when=lambda problem: len(problem.text) > 18),
)

# --- n: not an integer

fault(
    "n-start-read",
    "Parses n as C does: a leading space or plus sign and any text after the digits are ignored.",
    reads(_BOTH, n=lambda sent: found[1] if (found := re.match(r"\s*\+?([0-9]+)", sent or "")) else sent),
)
fault(
    "n-rounded",
    "Accepts fractions in n and drops them, so n=1.5 makes one image.",
    reads(_INTEGER, n=_replaced(r"\.[0-9]+$", "")),
)
fault(
    "n-words-as-one",
    "Accepts an n of letters and makes one image.",
    accepts(_INTEGER, lambda problem: problem.text.isalpha()),
)
fault(
    "n-not-integer-crashes",
    "Answers 500 to an n that is not an integer.",
    crashes_on(_INTEGER),
)
fault(
    "n-as-python-reads-it",
    "Accepts an n with a plus sign or with spaces around it.",
    accepts(_STRICT, instead=lambda problem: int(problem.text)),
)
fault(
    "n-as-python-int",
    "Reads n with int() of Python: white space, signs, underscores and digits beyond ASCII are accepted.",
    reads(_BOTH, n=_parsed(int)),
)
fault(
    "n-as-python-literal",
    "Reads n as an integer literal, which may be hexadecimal, octal or binary.",
    reads(_INTEGER, n=_parsed(lambda sent: int(sent, 0) if sent.isalnum() else float("nan"))),
)
fault(
    "n-as-javascript-number",
    "Reads n with Number() of JavaScript: hexadecimal digits, exponents, trailing dots and white space are accepted.",
    reads(_BOTH, n=_parsed(_javascript)),
)
fault("n-hexadecimal-read", "Reads an n in hexadecimal digits after 0x.", accepts(_INTEGER, _like("0[xX][1-9aA]")))
fault(
    "n-underscore-read",
    "Accepts an n with underscores, as in 1_0.",
    reads(_INTEGER, n=_replaced("(?<=[0-9])_(?=[0-9])", "")),
)
fault("n-exponent-read", "Reads an n with an exponent, as in 1e0.", accepts(_INTEGER, _like("[1-9][eE][+]?0")))
fault("n-trailing-dot-read", "Accepts an n with a dot after it.", reads(_INTEGER, n=_replaced(r"(?<=[0-9])\.$", "")))
fault(
    "n-point-zero-read", "Accepts an n with a fraction of zero, as in 1.0.", reads(_INTEGER, n=_replaced(r"\.0+$", ""))
)
fault(
    "n-other-digits-read",
    "Accepts an n in digits beyond ASCII, such as Arabic ones.",
    accepts(
        _INTEGER,
        lambda problem: problem.text.isdecimal(),
        instead=lambda problem: unicodedata.decimal(problem.text[-1], 1),
    ),
)
fault(
    "n-no-break-space-read",
    "Accepts an n with a no-break space around it.",
    reads(_INTEGER, n=_replaced("^\u00a0+|\u00a0+$", "")),
)
fault("n-nul-cut", "Reads n up to a NUL character, as C does.", reads(_INTEGER, n=_replaced("\0.*", "")))
fault("n-true-as-one", "Accepts the words true, yes and on as n=1.", accepts(_INTEGER, _sent("true", "yes", "on")))
fault("n-list-read", "Accepts a JSON list of one number as n.", accepts(_INTEGER, _like(r"\[[0-9]+\]")))
fault(
    "n-infinity-crashes",
    "Answers 500 to an n that is Infinity or NaN, which is a number but no integer.",
    crashes_on(_INTEGER, when=_sent("Infinity", "NaN")),
)
fault("n-empty-as-missing", "Takes an empty n for a missing n.", accepts(_INTEGER, _sent("")))
fault("n-empty-crashes", "Answers 500 to an empty n.", crashes_on(_INTEGER, when=_sent("")))
fault("n-fraction-crashes", "Answers 500 to an n with a fraction.", crashes_on(_INTEGER, when=_like(r"[0-9]+\.[0-9]+")))
fault("n-trimmed", "Accepts an n with white space around it.", reads(_STRICT, n=_replaced(r"(?a:^\s+|\s+$)", "")))
fault(
    "n-line-end-ignored",
    "Accepts an n with a line end after it, as $ in a regular expression does.",
    reads(_STRICT, n=_replaced(r"\n$", "")),
)
fault("n-plus-accepted", "Accepts an n with a plus sign.", reads(_STRICT, n=_replaced(r"^\+(?=[0-9])", "")))

# --- size

fault(
    "size-any-made",
    "Accepts any size up to 999x999, and makes images of its width.",
    accepts("IV-SIZE-UNKNOWN", _like("[1-9][0-9]{0,2}x[1-9][0-9]{0,2}"), instead=lambda problem: problem.text),
)
fault(
    "size-unknown-accepted",
    "Accepts an unknown size and makes images of the default size.",
    accepts("IV-SIZE-UNKNOWN", lambda problem: problem.text != ""),
)
fault("size-auto-accepted", "Accepts the size auto of another operation.", accepts("IV-SIZE-UNKNOWN", _sent("auto")))
fault(
    "size-of-other-models-accepted",
    "Accepts the sizes of other models, such as 1024x1536 and 1792x1024.",
    accepts("IV-SIZE-UNKNOWN", _sent("1024x1536", "1536x1024", "1792x1024", "1024x1792")),
)
fault(
    "size-half-accepted",
    "Accepts a size that is one number, as in 256.",
    reads("IV-SIZE-UNKNOWN", size=_replaced(r"^([0-9]+)$", r"\1x\1")),
)
fault(
    "size-trimmed",
    "Accepts a size with white space around it.",
    reads("IV-SIZE-UNKNOWN", size=_replaced(r"^\s+|\s+$", "")),
)
fault(
    "size-nul-cut", "Reads size up to a NUL character, as C does.", reads("IV-SIZE-UNKNOWN", size=_replaced("\0.*", ""))
)
fault(
    "size-numbers-compared",
    "Accepts a size whose numbers are right but written otherwise, as in 0256x0256.",
    reads("IV-SIZE-UNKNOWN", size=_replaced(r"\b0+(?=[0-9])|\.0+\b", "")),
)
fault("size-empty-as-missing", "Takes an empty size for a missing one.", accepts("IV-SIZE-UNKNOWN", _sent("")))
fault("size-unknown-crashes", "Answers 500 to an unknown size.", crashes_on("IV-SIZE-UNKNOWN"))
fault("size-empty-crashes", "Answers 500 to an empty size.", crashes_on("IV-SIZE-UNKNOWN", when=_sent("")))
fault(
    "size-half-crashes",
    "Answers 500 to a size without an x, which it cannot split.",
    crashes_on("IV-SIZE-UNKNOWN", when=lambda problem: bool(problem.text) and "x" not in problem.text),
)
fault(
    "size-required",
    "Refuses a request without size.",
    refuses("IV-SIZE-DEFAULT", absent("size"), param="size", message="size is missing."),
)
fault(
    "size-512-refused",
    "Refuses the size 512x512.",
    refuses("IV-SIZE-ENUM", text("size", "512x512".__eq__), param="size", message="size must be 256x256 or 1024x1024."),
)
fault(
    "size-512-crashes", "Answers 500 to the size 512x512.", refuses("IV-SIZE-ENUM", text("size", "512x512".__eq__), 500)
)
fault(
    "size-1024-times-out",
    "Answers 504 to the size 1024x1024.",
    refuses("IV-SIZE-ENUM", text("size", "1024x1024".__eq__), 504),
)
fault(
    "size-default-512",
    "Makes images of 512x512 pixels if size is missing.",
    reads("IV-SIZE-DEFAULT", size=_default("512x512")),
)
fault(
    "size-default-256",
    "Makes images of 256x256 pixels if size is missing.",
    reads("IV-SIZE-DEFAULT", size=_default("256x256")),
)

# --- response_format

fault(
    "b64-json-refused",
    "Refuses the response_format b64_json.",
    refuses(
        "IV-FORMAT-ENUM",
        text("response_format", "b64_json".__eq__),
        param="response_format",
        message="response_format must be url.",
    ),
)
fault(
    "url-refused",
    "Refuses the response_format url.",
    refuses(
        "IV-FORMAT-ENUM",
        text("response_format", "url".__eq__),
        param="response_format",
        message="response_format must be b64_json.",
    ),
)
fault(
    "url-crashes",
    "Answers 500 to the response_format url, for lack of a store.",
    refuses("IV-FORMAT-ENUM", text("response_format", "url".__eq__), 500),
)
fault(
    "format-unknown-accepted",
    "Accepts an unknown response_format and returns links.",
    accepts("IV-FORMAT-UNKNOWN", lambda problem: problem.text != ""),
)
fault(
    "format-base64-accepted",
    "Accepts base64 as response_format.",
    accepts("IV-FORMAT-UNKNOWN", _sent("base64", "b64", "b64-json"), instead=lambda _: "b64_json"),
)
fault(
    "format-trimmed",
    "Accepts a response_format with white space around it.",
    reads("IV-FORMAT-UNKNOWN", response_format=_replaced(r"^\s+|\s+$", "")),
)
fault(
    "format-first-read",
    "Accepts a list of formats and uses the first.",
    reads("IV-FORMAT-UNKNOWN", response_format=_replaced(",.*", "")),
)
fault(
    "format-empty-as-missing",
    "Takes an empty response_format for a missing one.",
    accepts("IV-FORMAT-UNKNOWN", _sent("")),
)
fault("format-unknown-crashes", "Answers 500 to an unknown response_format.", crashes_on("IV-FORMAT-UNKNOWN"))
fault(
    "format-default-b64-json",
    "Returns base64 instead of links if response_format is missing.",
    reads("IV-FORMAT-DEFAULT", response_format=_default("b64_json")),
)
fault(
    "format-required",
    "Refuses a request without response_format.",
    refuses(
        "IV-FORMAT-DEFAULT", absent("response_format"), param="response_format", message="response_format is missing."
    ),
)

# --- model

fault(
    "model-refused",
    "Refuses the model dall-e-2.",
    refuses(
        "IV-MODEL-ACCEPTED",
        text("model", bool),
        param="model",
        code="model_not_found",
        message="model must be sd-turbo or left out.",
    ),
)
fault(
    "model-sent-crashes",
    "Answers 500 to a request with a model.",
    refuses("IV-MODEL-ACCEPTED", text("model", bool), 500),
)
fault(
    "model-required",
    "Refuses a request without model.",
    refuses("IV-MODEL-OPTIONAL", absent("model"), param="model", message="model is missing."),
)
fault(
    "model-absent-crashes",
    "Answers 500 to a request without model.",
    refuses("IV-MODEL-OPTIONAL", absent("model"), 500),
)
fault(
    "model-ignored",
    "Accepts any model that is not empty.",
    accepts("IV-MODEL-UNKNOWN", lambda problem: problem.text != ""),
)
fault(
    "model-family-accepted",
    "Accepts models of other image operations, such as dall-e-3.",
    accepts("IV-MODEL-UNKNOWN", _sent("dall-e-3", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5")),
)
fault(
    "model-case-ignored",
    "Accepts the model in upper case.",
    accepts("IV-MODEL-UNKNOWN", lambda problem: problem.text.lower() == "dall-e-2"),
)
fault(
    "model-trimmed",
    "Accepts the model with white space around it.",
    accepts("IV-MODEL-UNKNOWN", lambda problem: problem.text.strip() == "dall-e-2"),
)
fault(
    "model-provider-accepted",
    "Accepts the model with a provider before it, as in openai/dall-e-2.",
    accepts("IV-MODEL-UNKNOWN", _like("[a-z]+/dall-e-2")),
)
fault("model-empty-as-missing", "Takes an empty model for a missing one.", accepts("IV-MODEL-UNKNOWN", _sent("")))
fault("model-unknown-crashes", "Answers 500 to an unknown model.", crashes_on("IV-MODEL-UNKNOWN"))
fault(
    "model-unknown-502",
    "Answers 502 to an unknown model, which its upstream server refuses.",
    crashes_on("IV-MODEL-UNKNOWN", 502),
)
fault(
    "model-path-crashes",
    "Answers 500 to a model that is a file path.",
    crashes_on("IV-MODEL-UNKNOWN", when=_like(r"\.\./.*")),
)

# --- user

fault(
    "user-required",
    "Refuses a request without user.",
    refuses("IV-USER-OPTIONAL", absent("user"), param="user", message="user is missing."),
)
fault("user-absent-crashes", "Answers 500 to a request without user.", refuses("IV-USER-OPTIONAL", absent("user"), 500))
fault(
    "user-empty-refused",
    "Refuses an empty user.",
    refuses("IV-USER-LENGTH", text("user", lambda user: not user), param="user", message="user must not be empty."),
)
fault(
    "user-over-64-refused",
    "Refuses a user of more than 64 characters.",
    refuses(
        "IV-USER-LENGTH",
        text("user", lambda user: len(user) > 64),
        param="user",
        message="user must have at most 64 characters.",
    ),
)
fault(
    "user-over-255-crashes",
    "Answers 500 to a user that does not fit into a column of 255 characters.",
    refuses("IV-USER-LENGTH", text("user", lambda user: len(user) > 255), 500),
)
fault(
    "user-unicode-crashes",
    "Answers 500 to a user with non-ASCII characters.",
    refuses("IV-USER-TEXT", text("user", lambda user: not user.isascii()), 500),
)
fault(
    "user-four-byte-characters-crash",
    "Answers 500 to a user with characters of four bytes in UTF-8, which its database does not store.",
    refuses("IV-USER-TEXT", text("user", lambda user: any(character > "\uffff" for character in user)), 500),
)
fault(
    "user-punctuation-refused",
    "Refuses a user with ASCII characters other than letters, digits and . _ @ - in it.",
    refuses(
        "IV-USER-TEXT",
        text("user", lambda user: re.search(r"[ -~](?<![\w.@-])", user, re.ASCII) is not None),
        param="user",
        message="user must be an identifier.",
    ),
)
fault(
    "user-control-characters-crash",
    "Answers 500 to a user with NUL or a line end in it.",
    refuses("IV-ERR-NO-5XX", text("user", lambda user: re.search("[\0\r\n]", user) is not None), 500),
)
fault(
    "text-not-utf-8-crashes",
    "Answers 500 to a text that is not UTF-8.",
    crashes_on("IV-ERR-NO-5XX", when=lambda problem: problem.detail == "text-not-utf-8"),
)

# --- several fields

fault(
    "empty-as-missing",
    "Treats empty fields as missing.",
    reads((_INTEGER, *_UNKNOWN), **dict.fromkeys(("n", "size", "response_format", "model"), lambda sent: sent or None)),
)
fault(
    "values-trimmed",
    "Removes white space around the values of all fields.",
    reads(
        (_STRICT, *_UNKNOWN), **dict.fromkeys(("n", "size", "response_format", "model"), _replaced(r"^\s+|\s+$", ""))
    ),
    also=(_INTEGER,),
)
fault(
    "letter-case-ignored",
    "Accepts size and response_format in upper case, as in 256X256 and URL.",
    accepts("IV-ENUM-CASE", instead=lambda problem: problem.text.lower()),
)
fault("other-case-crashes", "Answers 500 to size and response_format in upper case.", crashes_on("IV-ENUM-CASE"))
