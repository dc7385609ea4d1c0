"""Removes the secrets of a run from everything that is written: the API key, and the values of the user's headers.

A server may quote a secret in any encoding. So texts are searched in a flattened form: percent-encoding, JSON escapes
and HTML character references are decoded, letters are in lower case, and all other characters than ASCII letters and
digits are removed. A secret is found by any FRAGMENT_CHARACTERS of it in a row, as they are, backwards, in hexadecimal,
or in base64 at any offset.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cached_property

import attrs
from attrs import evolve, field, frozen

from .exchange import Exchange, Failure, Headers, NotTested, Request, Response
from .reasons import Reason

KEY_PLACEHOLDER = "${IMAGE_VARIATIONS_API_KEY}"
"""The text that replaces the API key. A shell expands it to the value of the environment variable."""
WITHOUT_LAST_PLACEHOLDER = "${IMAGE_VARIATIONS_API_KEY%?}"
"""The text that replaces the API key without its last character, as shells write it."""
OTHER_CASE_PLACEHOLDER = "${IMAGE_VARIATIONS_API_KEY~~}"
"""The text that replaces the API key in the other letter case, as bash writes it."""
PLACEHOLDER = re.compile(r"\$\{IMAGE_VARIATIONS_(?:API_KEY(?:%\?|~~)?|HEADER_[A-Z0-9_]+)\}")
"""The pattern of all placeholders."""

FRAGMENT_CHARACTERS = 8
# Shorter values occur in ordinary text. A short key is only removed as a whole word, and from Authorization.
_SHORTEST_WORD = 4
_ESCAPE = re.compile(
    r"%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*([0-9]{2,3});", re.IGNORECASE
)
# Escapes may be nested.
_ESCAPE_LEVELS = 3
_ALPHANUMERIC = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz")
_OTHERS = bytes(set(range(256)) - _ALPHANUMERIC)


def header_placeholder(name: str) -> str:
    """Return the text that replaces the value of a header of the user."""
    return f"${{IMAGE_VARIATIONS_HEADER_{re.sub('[^A-Z0-9]', '_', name.upper())}}}"


@frozen
class Secret:
    """A text that must not be written, and the placeholder that replaces it. What `public` has of it may be written."""

    value: str = field(repr=False)
    placeholder: str
    public: str = field(default="", repr=False)

    @cached_property
    def fragments(self) -> frozenset[bytes]:
        """The flattened texts by which the secret is found; empty if it is too short for that."""
        found = frozenset(fragment for text, size in self._spellings() for fragment in _windows(text, size, 1))
        return found - self._public_fragments

    @cached_property
    def probes(self) -> frozenset[bytes]:
        """A part of the fragments, enough to find out whether a text may contain the secret."""
        found: set[bytes] = set()
        for number, (text, size) in enumerate(self._spellings()):
            found.update(_windows(text, size, 1 if number < 2 else size // 2))
        return frozenset(found) - self._public_fragments

    @cached_property
    def _public_fragments(self) -> frozenset[bytes]:
        return frozenset(_windows(_flattened(self.public), FRAGMENT_CHARACTERS, 1))

    @cached_property
    def literal(self) -> re.Pattern[str] | None:
        """The pattern of a secret that is too short for fragments, else None. A very short one is matched as a word."""
        plain = _flattened(self.value)
        is_public = plain and plain in _flattened(self.public)
        if self.fragments or len(self.value) < _SHORTEST_WORD or is_public:
            return None
        # `data` searches UTF-8 that is decoded as Latin-1.
        spellings = {self.value, self.value.encode("utf-8", "surrogateescape").decode("latin-1")}
        pattern = "|".join(map(re.escape, spellings))
        if len(self.value) < FRAGMENT_CHARACTERS:
            pattern = rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])"
        return re.compile(pattern, re.IGNORECASE)

    def _spellings(self) -> Iterator[tuple[bytes, int]]:
        """Yield each flattened encoding of the secret, with the length that FRAGMENT_CHARACTERS have in it."""
        plain = _flattened(self.value)
        if len(plain) < FRAGMENT_CHARACTERS:
            return
        yield plain, FRAGMENT_CHARACTERS
        yield plain[::-1], FRAGMENT_CHARACTERS
        for value in dict.fromkeys((self.value, self.value.lower(), self.value.upper())):
            raw = value.encode("utf-8", "surrogateescape")
            yield raw.hex().encode(), 2 * FRAGMENT_CHARACTERS
            for encoded in in_base64(raw):
                yield _flattened(encoded.decode()), FRAGMENT_CHARACTERS * 4 // 3


def in_base64(content: bytes) -> Iterator[bytes]:
    """Yield what a content is in base64 at each offset, without the characters that depend on the bytes beside it."""
    for offset in range(3):
        yield base64.b64encode(bytes(offset) + content)[offset + 1 :].rstrip(b"=")[:-1]


def _windows(text: bytes, size: int, step: int) -> Iterator[bytes]:
    """Yield the parts of a text of `size` bytes, one every `step` bytes, and the last one."""
    size = min(size, len(text))
    for at in {*range(0, len(text) - size, step), len(text) - size}:
        yield text[at : at + size]


def _decoded(match: re.Match[str]) -> str:
    groups = match.groups()
    digits = next(group for group in groups if group is not None)
    return chr(int(digits, 10 if groups[-1] is not None else 16))


def _flattened(text: str) -> bytes:
    for _ in range(_ESCAPE_LEVELS):
        text, number = _ESCAPE.subn(_decoded, text)
        if not number:
            break
    return text.lower().encode("latin-1", "replace").translate(None, _OTHERS)


def _flattened_with_places(text: str) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the flattened text, and for each byte of it its start and end in the original text."""
    places = [(at, at + 1) for at in range(len(text))]
    for _ in range(_ESCAPE_LEVELS):
        pieces, moved, done = [], [], 0
        for match in _ESCAPE.finditer(text):
            pieces += [text[done : match.start()], _decoded(match)]
            moved += [*places[done : match.start()], (places[match.start()][0], places[match.end() - 1][1])]
            done = match.end()
        if not done:
            break
        text, places = "".join([*pieces, text[done:]]), [*moved, *places[done:]]
    kept = [
        (byte, place)
        for letter, place in zip(text, places, strict=True)
        for byte in letter.lower().encode("latin-1", "replace")
        if byte in _ALPHANUMERIC
    ]
    return bytes(byte for byte, _ in kept), [place for _, place in kept]


@frozen
class Redactor:
    """Removes the secrets of one run from texts and bytes."""

    secrets: tuple[Secret, ...] = ()
    api_key: str | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)

    @classmethod
    def of(cls, api_key: str | None, headers: Headers = (), base_url: str = "") -> Redactor:
        """Return the redactor for an API key and the user's own headers, whose words are secrets too.

        What a header has in common with the base URL of the target is none: a header may name another server.
        """
        secrets = [] if api_key is None else [Secret(api_key, KEY_PLACEHOLDER)]
        for name, value in headers:
            words = {value, *re.split(r"[\s;,=]+", value), *_password(value)}
            long_enough = (word for word in words if len(word) >= FRAGMENT_CHARACTERS)
            placeholder = header_placeholder(name)
            secrets += [Secret(word, placeholder, base_url) for word in sorted(long_enough, key=len, reverse=True)]
        return cls(tuple(secrets), api_key, headers)

    def text(self, text: str) -> str:
        """Return a text with placeholders for the secrets in it."""
        flattened = _flattened(text)
        for secret in self.secrets:
            if any(probe in flattened for probe in secret.probes):
                text = _without(text, secret)
                flattened = _flattened(text)
            elif secret.literal is not None:
                text = secret.literal.sub(secret.placeholder, text)
        return text

    def data(self, content: bytes) -> bytes:
        """Return bytes with placeholders for the secrets in them, in any encoding that extends ASCII."""
        return self.text(content.decode("latin-1")).encode("latin-1")

    def request(self, request: Request) -> Request:
        """Return a request with placeholders. Replacing them by the secrets gives the original request."""
        headers = tuple((name, self._header(name, value)) for name, value in request.headers)
        body = request.body
        if self.api_key is not None and len(self.api_key) >= _SHORTEST_WORD:
            body = body.replace(self.api_key.encode("utf-8", "surrogateescape"), KEY_PLACEHOLDER.encode())
        return evolve(request, target=self.text(request.target), headers=headers, body=body)

    def _header(self, name: str, value: str) -> str:
        if (name, value) in self.headers:
            return header_placeholder(name)
        if name.lower() == "authorization" and self.api_key is not None:
            value = _without_key(value, self.api_key)
        return self.text(value)

    def exchange(self, exchange: Exchange, most_bytes: int) -> Exchange:
        """Return an exchange without secrets, and with at most `most_bytes` of the body of the response."""
        outcome = exchange.outcome
        if isinstance(outcome, Response):
            headers = tuple((self.text(name), self.text(value)) for name, value in outcome.headers)
            # The body is cut after redaction, because a secret that is cut in half may not be found.
            body = self.data(outcome.body[: 2 * most_bytes])[:most_bytes]
            outcome = Response(outcome.status, headers, body)
        elif isinstance(outcome, Failure):
            outcome = Failure(outcome.kind, self.text(outcome.message))
        else:
            outcome = NotTested(self.reason(outcome.reason))
        # The images behind links are not written.
        fetches = tuple(self.exchange(fetch, 0) for fetch in exchange.fetches)
        return evolve(exchange, request=self.request(exchange.request), outcome=outcome, fetches=fetches)

    def reason(self, reason: Reason) -> Reason:
        """Return a reason without secrets, which it may quote from a response."""
        texts = {name: value for name, value in attrs.asdict(reason).items() if isinstance(value, str)}
        return attrs.evolve(reason, **{name: self.text(value) for name, value in texts.items()})


def _without_key(value: str, key: str) -> str:
    """Return the value of Authorization with placeholders for the key, and for wrong keys that are made from it."""
    value = value.replace(key, KEY_PLACEHOLDER)
    for wrong, placeholder in ((key[:-1], WITHOUT_LAST_PLACEHOLDER), (key.swapcase(), OTHER_CASE_PLACEHOLDER)):
        if wrong and value.endswith(f" {wrong}"):
            value = value.removesuffix(wrong) + placeholder
    return value


def _password(value: str) -> Iterator[str]:
    """Yield the decoded `user:password` of a header for basic authentication, and the password alone."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except ValueError:
            return
        yield from (pair, pair.partition(":")[2])


def _without(text: str, secret: Secret) -> str:
    flattened, places = _flattened_with_places(text)
    spans: list[tuple[int, int]] = []
    found = (
        (places[match.start()][0], places[match.start() + len(fragment) - 1][1])
        for fragment in secret.fragments
        for match in re.finditer(b"(?=%b)" % fragment, flattened)
    )
    for start, end in sorted(found):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    for start, end in reversed(spans):
        text = text[:start] + secret.placeholder + text[end:]
    return text
