"""Named cases of text fields with values that must be refused: such as servers and their parsers accept.

Each row of a table has a label, a value, and the least depth at which it is sent. Bytes that are not UTF-8 are written
as Python decodes them (surrogateescape).
"""

from __future__ import annotations

from .builder import Builder
from .named_case import Depth, NamedCase, form_case

_Table = tuple[tuple[str, str, Depth], ...]

_BOUNDS: _Table = (
    ("n-zero", "0", "quick"),
    ("n-negative", "-1", "standard"),
    ("n-minus-zero", "-0", "deep"),
    ("n-hundred", "100", "standard"),
    # Numbers that are 1 again in 8, 32 and 64 bits.
    ("n-wraps-at-8-bits", "257", "standard"),
    ("n-wraps-at-32-bits", "4294967297", "standard"),
    ("n-wraps-at-64-bits", "18446744073709551617", "standard"),
    ("n-huge", "99999999999999999999", "quick"),
    ("n-hundreds-of-digits", "1" * 400, "standard"),
)
_INTEGERS: _Table = (
    ("n-fraction", "1.5", "quick"),
    ("n-fraction-of-zero", "1.0", "standard"),
    ("n-trailing-dot", "1.", "standard"),
    ("n-leading-dot", ".1", "deep"),
    ("n-comma", "1,0", "deep"),
    ("n-word", "abc", "quick"),
    ("n-digits-and-word", "1abc", "quick"),
    ("n-two-numbers", "1 2", "deep"),
    ("n-empty", "", "quick"),
    ("n-blank", " ", "deep"),
    ("n-hexadecimal", "0x1", "standard"),
    ("n-octal", "0o1", "deep"),
    ("n-binary", "0b1", "deep"),
    ("n-exponent", "1e0", "standard"),
    ("n-infinity", "Infinity", "standard"),
    ("n-nan", "NaN", "standard"),
    ("n-true", "true", "standard"),
    ("n-null", "null", "deep"),
    ("n-json-text", '"1"', "deep"),
    ("n-json-list", "[1]", "standard"),
    ("n-full-width-digit", "\uff11", "standard"),
    ("n-arabic-digit", "\u0661", "standard"),
    ("n-superscript", "\u00b9", "deep"),
    ("n-no-break-space", "\u00a01", "standard"),
    ("n-suffix", "1L", "deep"),
    ("n-sign-alone", "-", "deep"),
    ("n-two-signs", "--1", "standard"),
    ("n-nul", "1\0", "standard"),
    ("n-not-utf-8", "1\udce9", "standard"),
    # If it is accepted, it may cost ten images.
    ("n-underscore", "1_0", "standard"),
)
_LENIENT_INTEGERS: _Table = (
    ("n-plus", "+1", "quick"),
    ("n-space", " 1", "quick"),
    ("n-space-after", "1 ", "standard"),
    ("n-tab", "\t1", "standard"),
    ("n-line-feed", "1\n", "standard"),
    ("n-line-end-before", "\r\n1", "standard"),
)
_SIZES: _Table = (
    ("size-unknown", "999x999", "quick"),
    ("size-empty", "", "quick"),
    ("size-auto", "auto", "standard"),
    ("size-of-another-model", "1024x1536", "quick"),
    ("size-wide-of-another-model", "1792x1024", "deep"),
    ("size-half", "256", "quick"),
    ("size-without-height", "256x", "deep"),
    ("size-not-square", "512x256", "standard"),
    ("size-zero", "0x0", "deep"),
    ("size-negative", "-256x-256", "deep"),
    ("size-one-pixel", "1x1", "deep"),
    ("size-huge", "100000x100000", "standard"),
    ("size-asterisk", "256*256", "deep"),
    ("size-multiplication-sign", "256\u00d7256", "standard"),
    ("size-three-sides", "256x256x256", "deep"),
    ("size-decimal", "256.0x256.0", "deep"),
    ("size-leading-zero", "0256x0256", "standard"),
    ("size-unit", "256x256px", "deep"),
    ("size-space", " 256x256", "standard"),
    ("size-space-after", "256x256 ", "standard"),
    ("size-spaces-inside", "256 x 256", "deep"),
    ("size-line-feed", "256x256\n", "standard"),
    ("size-nul", "256x256\0", "standard"),
    ("size-byte-order-mark", "\ufeff256x256", "standard"),
    ("size-in-quotes", '"256x256"', "deep"),
    ("size-null", "null", "deep"),
    ("size-not-utf-8", "256x256\udce9", "standard"),
)
_FORMATS: _Table = (
    ("format-unknown", "base64", "quick"),
    ("format-empty", "", "quick"),
    ("format-file", "png", "deep"),
    ("format-prefix", "b64", "standard"),
    ("format-hyphen", "b64-json", "deep"),
    ("format-two", "url,b64_json", "standard"),
    ("format-space", " b64_json", "deep"),
    ("format-space-after", "url ", "standard"),
    ("format-line-feed", "b64_json\n", "standard"),
    ("format-nul", "url\0", "standard"),
    ("format-byte-order-mark", "\ufeffb64_json", "deep"),
    ("format-in-quotes", '"url"', "deep"),
    ("format-null", "null", "deep"),
    ("format-not-utf-8", "b64_json\udcff", "standard"),
)
_MODELS: _Table = (
    ("model-unknown", "no-such-model", "quick"),
    ("model-empty", "", "quick"),
    ("model-of-other-operations", "dall-e-3", "quick"),
    ("model-gpt-image", "gpt-image-1", "standard"),
    ("model-gpt-image-mini", "gpt-image-1-mini", "deep"),
    ("model-gpt-image-newer", "gpt-image-1.5", "deep"),
    ("model-upper-case", "DALL-E-2", "standard"),
    ("model-prefix", "dall-e", "deep"),
    ("model-longer", "dall-e-20", "deep"),
    ("model-with-provider", "openai/dall-e-2", "standard"),
    # A server that writes JSON without an encoder fails to escape the end of it.
    ("model-path", '../../etc/"pass\\wd"\t', "standard"),
    ("model-space-after", "dall-e-2 ", "standard"),
    ("model-line-feed", "dall-e-2\n", "standard"),
    ("model-nul", "dall-e-2\0", "standard"),
    ("model-byte-order-mark", "\ufeffdall-e-2", "deep"),
    ("model-null", "null", "deep"),
    ("model-not-utf-8", "dall-e-2\udce9", "standard"),
    ("model-long", "m" * 5000, "standard"),
)


def _first_format(b: Builder) -> str:
    """Return the first response format of the contract, which a profile changes, or the usual one."""
    return str(b.contract.text_fields.get("response_format", {}).get("enum", ("url",))[0])


_OTHER_CASE = (
    form_case("size-upper-case", "IV-ENUM-CASE", size="256X256", depth="quick"),
    NamedCase(
        "format-upper-case",
        "IV-ENUM-CASE",
        "the first response_format in capitals",
        lambda b: b.form(response_format=_first_format(b).upper()),
        {"response_format": "URL"},
        depth="quick",
    ),
    form_case("format-title-case", "IV-ENUM-CASE", response_format="B64_json", depth="deep"),
)


def _cases(field: str, requirement: str, table: _Table) -> tuple[NamedCase, ...]:
    return tuple(form_case(label, requirement, depth=depth, **{field: value}) for label, value, depth in table)


def _above_the_maximum(b: Builder) -> str:
    """Return the smallest number of images that is too large, or a word where there is no maximum."""
    maximum = b.contract.fields["n"].get("maximum")
    return "no maximum" if maximum is None else str(maximum + 1)


WRONG_VALUES: tuple[NamedCase, ...] = (
    NamedCase(
        "n-eleven",
        "IV-N-BOUNDS",
        "n one above its maximum",
        lambda b: b.form(n=_above_the_maximum(b)),
        {"n": "11"},
        depth="quick",
    ),
    *_cases("n", "IV-N-BOUNDS", _BOUNDS),
    *_cases("n", "IV-N-INTEGER", _INTEGERS),
    *_cases("n", "IV-N-STRICT", _LENIENT_INTEGERS),
    *_cases("size", "IV-SIZE-UNKNOWN", _SIZES),
    *_cases("response_format", "IV-FORMAT-UNKNOWN", _FORMATS),
    *_cases("model", "IV-MODEL-UNKNOWN", _MODELS),
    *_OTHER_CASE,
)
