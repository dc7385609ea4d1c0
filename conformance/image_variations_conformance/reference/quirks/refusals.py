"""Errors with other statuses, headers, members or wording, and refusals that the contract leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError, shown
from ..app.form import Part
from ..app.service import Service
from ..registry import QuirkFamily

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

quirk = QuirkFamily("refusals")

_ANY_4XX = "IV-ERR-400 and its source: other status codes that are allowed"
_FREE_TEXT = "reading: the wording of an error is not judged"


# --- other status codes


@quirk("too-large-400", by=_ANY_4XX)
class TooLarge400(Service):
    """Answers 400, not 413, to an image or form that is too large."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=400) if problem.status == 413 else problem)


@quirk("other-body-400", by="IV-OP-MULTIPART-STATUS")
class OtherBody400(Service):
    """Answers 400, not 415, to a body that is not a multipart form."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=400) if problem.status == 415 else problem)


@quirk("chunked-411", by="IV-WIRE-CHUNKED")
class Chunked411(Service):
    """Answers 411 to a body in chunked coding."""

    def check_length(self, request: IncomingRequest) -> None:
        if request.declared is None:
            raise ApiError("A Content-Length is needed.", status=411)
        super().check_length(request)


@quirk("other-method-501", by="IV-OP-METHOD", warns=("IV-OP-METHOD-405",))
class OtherMethod501(Service):
    """Answers 501 to a method other than POST, as gateways do to methods that they do not know."""

    def other_method(self, request: IncomingRequest) -> Response:
        raise ApiError("This method is not implemented.", status=501)


@quirk("other-file-415", by=_ANY_4XX)
class OtherFile415(Service):
    """Answers 415 to a file that is not a PNG."""

    def refusal(self, problem: ApiError) -> Response:
        other_format = problem.param == "image" and "must be a PNG" in problem.message
        return super().refusal(evolve(problem, status=415) if other_format else problem)


@quirk("unknown-model-404", by=_ANY_4XX)
class UnknownModel404(Service):
    """Answers 404 to an unknown model."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=404) if problem.param == "model" else problem)


@quirk("wrong-key-403", by="IV-AUTH-WRONG", warns=("IV-AUTH-401",))
class WrongKey403(Service):
    """Answers 403 to a wrong API key, and 401 to a missing one."""

    def key_wrong(self) -> ApiError:
        return evolve(super().key_wrong(), status=403)


# --- other headers


@quirk("challenge-missing", by="reading: WWW-Authenticate is not judged")
class ChallengeMissing(Service):
    """Sends a 401 without WWW-Authenticate."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, headers={}) if problem.status == 401 else problem)


@quirk("allow-more", by="RFC 9110 section 10.2.1")
class AllowMore(Service):
    """Lists OPTIONS and POST in Allow, without a space."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, headers={"Allow": "OPTIONS,POST"}) if problem.status == 405 else problem)


# --- other error objects


@quirk("param-never", by="IV-ERR-PARAM: the message may name the field")
class ParamNever(Service):
    """Always sends null as param, and names the field only in the message."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, param=None))


@quirk("codes-everywhere", by=_FREE_TEXT)
class CodesEverywhere(Service):
    """Sends a code in every error, and an empty param if no field is invalid."""

    def refusal(self, problem: ApiError) -> Response:
        code = problem.code or f"error_{problem.status}_{problem.param or 'request'}"
        return super().refusal(evolve(problem, code=code, param=problem.param or ""))


@quirk("message-long", by=_FREE_TEXT)
class MessageLong(Service):
    """Sends error messages of more than 60,000 characters."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message=f"{problem.message}\n\n" + "See the manual. " * 4096))


@quirk("message-in-braces", by=_FREE_TEXT)
class MessageInBraces(Service):
    """Sends error messages with brackets, braces and quotes, and with the words null and error."""

    def refusal(self, problem: ApiError) -> Response:
        message = f'[400] {problem.message} Got {{"{problem.param}": …}}, which is not null: an "error" to us.'
        return super().refusal(evolve(problem, message=message, code="none_allowed"))


@quirk("message-in-another-language", by=_FREE_TEXT)
class MessageInAnotherLanguage(Service):
    """Writes error messages in German and Japanese, and names the field only in param."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, message="Ungültige Anfrage, bitte prüfen. 不正なリクエストです。"))


@quirk("key-masked", by="IV-ERR-SECRETS: a masked key is not the key")
class KeyMasked(Service):
    """Shows a wrong API key in the message with all but its first and last characters masked."""

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
    """Refuses a form with an unknown field."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        fields = super().fields(parts)
        for part in parts:
            if part.name not in fields:
                raise ApiError(f"There is no field named {shown(part.name)}.", part.name)
        return fields


@quirk("last-image-taken", by="reading: a second image")
class LastImageTaken(Service):
    """Accepts repeated fields, and uses the last one."""

    def fields(self, parts: tuple[Part, ...]) -> dict[str, Part]:
        return super().fields(tuple({part.name: part for part in parts}.values()))


@quirk("leading-zeros-refused", by="unspecified: leading zeros, as in n=03")
class LeadingZerosRefused(Service):
    """Refuses an n with leading zeros."""

    def count(self, n: str | None) -> int:
        if n and n.startswith("0"):
            raise ApiError("n must be from 1 to 10, without leading zeros.", "n")
        return super().count(n)
