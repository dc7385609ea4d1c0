"""What each subject does, feature by feature, decided by what it sent and what it gave back.

A feature is a row: its words, and a function that tries one subject and returns the words of the cell.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal

from attrs import frozen
from image_variations_conformance.multipart import Part

from benchmark.checkers import mypy_strict, pyright_strict
from benchmark.environments import SCRIPTS, Environment, Unavailable
from benchmark.lock import parse
from benchmark.material import Material
from benchmark.recorder import Answer, Place, Received, Recorder, recording
from benchmark.turns import Turns
from benchmark.users import KEY

COLUMNS = {
    "httpx": "httpx alone",
    "client": "this client",
    "openai": "`openai`",
    "openapi-generator": "openapi-generator",
}
"""The subjects, and the words over their columns."""

KINDS = ("text path", "`Path`", "bytes", "open file", "pipe", "tuple")
NOT_DECIDED = "?"
_SHOWN_VERSIONS = {"openai": "openai", "openapi-generator": "openapi-generator-cli"}
_PLAIN = b'{"created": 1589478378, "data": [{"url": "{link}"}]}'
_B64 = b'{"created": 1589478378, "data": [{"b64_json": "%s"}]}'
_FAILURE = b'{"error": {"message": "broken", "type": "server_error", "param": null, "code": null}}'
_HTML = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
_UNKNOWN_WORDS = {"size": "33x33", "output_format": "avif"}
_LEAST_SECONDS = 0.9
"""A client that has a second and is back before this did not leave because of the time."""

Outcome = Mapping[str, Any]


@frozen
class Trial:
    """One subject on trial: where its calls go, and what it is given."""

    subject: str
    environment: Environment
    turns: Turns
    recorder: Recorder
    material: Material

    @property
    def image(self) -> bytes:
        """The PNG of each call."""
        return self.material.kilobyte.read_bytes()

    def call(self, *answers: Answer, kind: str = "bytes", **options: object) -> tuple[Place, Outcome]:
        """Have it make a call, answered so. Return where it went, with all that came there, and what the prober tells.

        Raises Unavailable where the prober cannot tell.
        """
        place = self.recorder.place(answers or (Answer(_PLAIN),), self.image)
        job = {"do": "call", "url": place.url, "image": str(self.material.kilobyte), "kind": kind, **options}
        outcome = self.turns.do(self.subject, job)
        place.settle()
        return place, outcome

    def taken(self, kinds: Sequence[str]) -> dict[str, Place]:
        """Have it send the image in each kind. Return where those went that came as they should."""
        places = {kind: self.call(kind=kind) for kind in kinds}
        return {
            kind: place for kind, (place, outcome) in places.items() if "error" not in outcome and self._is_in(place)
        }

    def _is_in(self, place: Place) -> bool:
        return [received.image and received.image.content for received in place.calls] == [self.image]


@frozen
class Feature:
    """A row: what it is about, and how a cell of it is decided."""

    words: str
    decide: Callable[[Trial], str]


def image_kinds(trial: Trial) -> str:
    """In which kinds a program may give the image, so that its bytes arrive, and just these."""
    return _of(KINDS, trial.taken(KINDS))


def file_name(trial: Trial) -> str:
    """Whether the part has a file name that tells nothing of the folder."""
    taken = _named_kinds(trial)
    return _of(taken, [kind for kind, place in taken.items() if _is_plain_name(place)])


def media_type(trial: Trial) -> str:
    """Whether the part says that it is a PNG."""
    taken = _named_kinds(trial)
    return _of(taken, [kind for kind, place in taken.items() if _part(place).content_type == "image/png"])


def repeated(trial: Trial) -> str:
    """Whether the same image is sent again after a 500, with the subject's own defaults."""
    kinds = ("bytes", "open file", "pipe")
    calls = {}
    for kind in trial.taken(kinds):
        place, _ = trial.call(Answer(_FAILURE, status=500), Answer(_PLAIN), kind=kind, retries=None)
        calls[kind] = [received.image and received.image.content for received in place.calls]
    if all(len(images) == 1 for images in calls.values()):
        return "no retries"
    return _of(kinds, [kind for kind, images in calls.items() if images == [trial.image] * 2])


def total_time_limit(trial: Trial) -> str:
    """Whether a time limit of a second ends a call to a server that lets a byte drip every tenth of a second."""
    parts: tuple[Literal["head"], Literal["body"]] = ("head", "body")
    left = []
    for part in parts:
        place, outcome = trial.call(Answer(_PLAIN, drip=part), timeout=1.0)
        left.append("error" in outcome and outcome["seconds"] > _LEAST_SECONDS and place.left_after is not None)
    return _yes(all(left))


def argument_checked(trial: Trial) -> str:
    """Whether n=11 is refused without a request."""
    place, outcome = trial.call(n=11)
    return _yes("error" in outcome and not place.received)


def wrong_type_raises(trial: Trial) -> str:
    """Whether text for `created` is an error of the subject's own, which names the member."""
    _, outcome = trial.call(Answer(_PLAIN.replace(b"1589478378", b'"x"')))
    if "error" in outcome and "created" in outcome["text"] and not outcome["own"]:
        return f"one of `{outcome['error'].partition('.')[0]}`"
    return _yes("error" in outcome and outcome["own"] and "created" in outcome["text"])


def unknown_words_pass(trial: Trial) -> str:
    """Whether words that the contract does not know, in two of its closed lists, arrive as they are."""
    passed = []
    for name, word in _UNKNOWN_WORDS.items():
        _, outcome = trial.call(Answer(_PLAIN.replace(b"}]}", f'}}], "{name}": "{word}"}}'.encode())))
        passed.append("error" not in outcome and outcome["members"][name] == word)
    return _yes(all(passed))


def unknown_members_kept(trial: Trial) -> str:
    """Whether members that the contract does not know are in the answer and in its item."""
    _, outcome = trial.call(Answer(_PLAIN.replace(b"}]}", b', "inner": 7}], "outer": 8}')))
    if "error" in outcome:
        return "no"
    members = outcome["members"]
    return _yes(members.get("outer") == 8 and members["data"][0].get("inner") == 7)


def gateway_page_told(trial: Trial) -> str:
    """Whether a 504 with a page of HTML is an error of the subject's own, which has the status."""
    _, outcome = trial.call(Answer(_HTML, status=504, content_type="text/html"))
    return _yes("error" in outcome and outcome["own"] and outcome["status"] == 504)


def key_hidden(trial: Trial) -> str:
    """Whether the repr of a client is free of the key."""
    return _yes(not trial.turns.do(trial.subject, {"do": "look"}))


def gives_pictures(trial: Trial) -> str:
    """Whether an item gives the bytes of its picture, from base64 and from its link; the latter without the key."""
    encoded = base64.b64encode(trial.image)
    _, from_base64 = trial.call(Answer(_B64 % encoded), response_format="b64_json")
    place, from_link = trial.call()
    fetches = [received for received in place.received if received.method == "GET"]
    return _of(
        ("base64", "link"),
        [
            *(["base64"] if trial.image.hex() in from_base64.get("pictures", ()) else []),
            *(["link"] if trial.image.hex() in from_link.get("pictures", ()) and _all_bare(fetches) else []),
        ],
    )


FEATURES = (
    Feature("`image`: path (text or `Path`), bytes, open file, pipe, (name, bytes, type)", image_kinds),
    Feature("its part has a file name, without the folder", file_name),
    Feature("its part says `image/png` by itself", media_type),
    Feature("the same image again after a 500", repeated),
    Feature("`timeout=1` ends an answer that drips", total_time_limit),
    Feature("`n=11` is refused before anything is sent", argument_checked),
    Feature('`"created": "x"` is an error of its own, with the place', wrong_type_raises),
    Feature("unknown words in an answer are let through", unknown_words_pass),
    Feature("unknown members of an answer are kept", unknown_members_kept),
    Feature("a 504 in HTML is an error of its own, with the status", gateway_page_told),
    Feature("`repr(client)` is free of the key", key_hidden),
    Feature("gives the bytes of the pictures, from base64 and links", gives_pictures),
)
TYPE_FEATURES = (
    Feature("a program passes `mypy --strict`", lambda trial: _silent(mypy_strict(trial.subject, trial.environment))),
    Feature(
        "a program passes `pyright`, strict", lambda trial: _silent(pyright_strict(trial.subject, trial.environment))
    ),
)


def rows(
    features: Sequence[Feature], environments: Mapping[str, Environment], absent: Mapping[str, str], material: Material
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the cells, by the words of the feature and by the subject, and a note for each that is not decided.

    `absent` are the subjects that cannot be tried here, and why.
    """
    notes = [f"{subject}: {reason}" for subject, reason in absent.items()]
    made: dict[str, dict[str, str]] = {}
    with recording() as recorder, Turns(environments, "benchmark.prober") as turns:
        for feature in features:
            row = made[feature.words] = dict.fromkeys(absent, NOT_DECIDED)
            for subject, environment in environments.items():
                try:
                    row[subject] = feature.decide(Trial(subject, environment, turns, recorder, material))
                except Unavailable as reason:
                    row[subject] = NOT_DECIDED
                    notes.append(f"{subject}: {feature.words}: {reason}")
    return made, notes


def lines(made: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the table in Markdown: a row for each feature, a column for each subject."""
    headings = ["", *(f"{words}{_version(subject)}" for subject, words in COLUMNS.items())]
    cells = [[words, *(row[subject] for subject in COLUMNS)] for words, row in made.items()]
    return [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in (headings, ["---"] * len(headings), *cells)]


def _version(subject: str) -> str:
    if subject not in _SHOWN_VERSIONS:
        return ""
    pins = parse((SCRIPTS / "benchmark" / "requirements.txt").read_text(encoding="utf-8"))
    version = pins[_SHOWN_VERSIONS[subject]].lines.split()[0].partition("==")[2]
    return " " + ".".join(version.split(".")[:2])


def _named_kinds(trial: Trial) -> dict[str, Place]:
    """Have it send the image in the kinds that are usual; of the two paths in the better one it takes."""
    taken = trial.taken(("`Path`", "text path", "bytes", "open file"))
    if "`Path`" in taken:
        taken.pop("text path", None)
    return taken


def _part(place: Place) -> Part:
    image = place.calls[0].image
    if image is None:
        raise ValueError("there is no image, though there was")
    return image


def _is_plain_name(place: Place) -> bool:
    name = _part(place).filename
    return bool(name) and name not in {".", ".."} and PurePath(str(name)).name == name


def _all_bare(fetches: Sequence[Received]) -> bool:
    return bool(fetches) and not any(KEY in str(fetch.headers) for fetch in fetches)


def _of(all_of_them: Collection[str], those: Collection[str]) -> str:
    """Return `yes`, `no`, or those of which it holds, or, where these are many, those of which it does not."""
    others = [it for it in all_of_them if it not in those]
    if not others or not those:
        return _yes(bool(those))
    return f"not {', '.join(others)}" if len(others) < len(those) else ", ".join(those)


def _silent(rules: Sequence[str]) -> str:
    return f"no: `{rules[0]}`" if len(rules) == 1 else _yes(not rules)


def _yes(it: object) -> str:
    return "yes" if it else "no"
