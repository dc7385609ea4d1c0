"""Errors that say the same in another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError, shown
from ..app.form import Part
from ..app.service import Service
from .registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("refusals")

_ANY_4XX = "IV-ERR-400 and its source: the status codes that are as good"
_FREE_TEXT = "reading: the wording of an error is not judged"


# --- other status codes


@quirk("too-large-400", by=_ANY_4XX)
class TooLarge400(Service):
    """Answers 400 to an image that is too large."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=400) if problem.status == 413 else problem)


@quirk("other-body-400", by="IV-OP-MULTIPART-STATUS")
class OtherBody400(Service):
    """Answers 400 to a body that is not a multipart form."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=400) if problem.status == 415 else problem)


@quirk("other-file-415", by=_ANY_4XX)
class OtherFile415(Service):
    """Answers 415 to a file that is not a PNG."""

    def refusal(self, problem: ApiError) -> Response:
        other = problem.param == "image" and "must be a PNG" in problem.message
        return super().refusal(evolve(problem, status=415) if other else problem)


@quirk("unknown-model-404", by=_ANY_4XX)
class UnknownModel404(Service):
    """Answers 404 to a model that it does not know."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=404) if problem.param == "model" else problem)


@quirk("wrong-key-403", by="IV-AUTH-WRONG", warns=("IV-AUTH-401",))
class WrongKey403(Service):
    """Answers 403 to a wrong key, and 401 to none."""

    def key_wrong(self) -> ApiError:
        return evolve(super().key_wrong(), status=403)


# --- other headers


@quirk("challenge-missing", by="reading: WWW-Authenticate is not judged")
class ChallengeMissing(Service):
    """Sends no WWW-Authenticate with a 401."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, headers={}) if problem.status == 401 else problem)


@quirk("allow-more", by="RFC 9110 section 10.2.1")
class AllowMore(Service):
    """Names POST among other methods in Allow, without spaces."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, headers={"Allow": "OPTIONS,POST"}) if problem.status == 405 else problem)


# --- other objects


@quirk("param-never", by="IV-ERR-PARAM: or else its message")
class ParamNever(Service):
    """Leaves param null always, and names the field in message only."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, param=None))


@quirk("codes-everywhere", by=_FREE_TEXT)
class CodesEverywhere(Service):
    """Has a code in every error, and an empty param where no field is at fault."""

    def refusal(self, problem: ApiError) -> Response:
        code = problem.code or f"error_{problem.status}_{problem.param or 'request'}"
        return super().refusal(evolve(problem, code=code, param=problem.param or ""))


@quirk("message-long", by=_FREE_TEXT)
class MessageLong(Service):
    """Explains every error on many pages."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message}\n\n" + "See the manual. " * 4096))


@quirk("message-in-braces", by=_FREE_TEXT)
class MessageInBraces(Service):
    """Writes of null and of JSON in its messages, and sets off what it was sent in brackets."""

    def refusal(self, problem: ApiError) -> Response:
        message = f'[400] {problem.message} Got {{"{problem.param}": …}}, which is not null: an "error" to us.'
        return super().refusal(evolve(problem, message=message, code="none_allowed"))


@quirk("message-in-another-language", by=_FREE_TEXT)
class MessageInAnotherLanguage(Service):
    """Writes its messages in German and Japanese, and names the field in param only."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message="Ungültige Anfrage, bitte prüfen. 不正なリクエストです。"))


@quirk("key-masked", by="IV-ERR-SECRETS: what is shown is not the key")
class KeyMasked(Service):
    """Shows the first and the last letters of a wrong key in message, and stars between them."""

    def authenticate(self, request: IncomingRequest) -> None:
        try:
            super().authenticate(request)
        except ApiError as problem:
            key = request.headers.get("authorization", "").partition(" ")[2]
            masked = f"{key[:3]}{'*' * 12}{key[-4:]}"
            raise evolve(
                problem, message=f"The API key {masked} is not right. Request id: req_0badc0ffee."
            ) from problem


# --- what the contract leaves open


@quirk("unknown-fields-refused", by="reading: unknown form fields")
class UnknownFieldsRefused(Service):
    """Refuses a form with a field that it does not know."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        fields = super().fields(parts)
        for part in parts:
            if part.name not in fields:
                raise ApiError(f"There is no field of the name {shown(part.name)}.", part.name)
        return fields


@quirk("last-image-taken", by="reading: a second image")
class LastImageTaken(Service):
    """Takes the last of several parts of one name, and ignores the others."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        return super().fields(tuple({part.name: part for part in parts}.values()))


@quirk("leading-zeros-refused", by="nothing said of n=03")
class LeadingZerosRefused(Service):
    """Refuses an n with leading zeros."""

    def count(self, n: str | None) -> int:
        if n and n.startswith("0"):
            raise ApiError("n must be from 1 to 10, without leading zeros.", "n")
        return super().count(n)
