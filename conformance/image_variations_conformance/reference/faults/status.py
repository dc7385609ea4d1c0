"""Faults in the status codes of responses, and in methods, media types and headers of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError
from ..app.responses import json_response, plain_response, redirect_response
from ..app.service import OPERATION_PATH, Service, Wanted
from ..registry import Change, FaultFamily
from .factories import Ids, answers_method, crashes_on, errs, placeholder, refuses, sends
from .features import header

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("status")

_METHOD = "IV-OP-METHOD"
_SOME_REFUSALS = ("IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-IMAGE-FORMAT")


def _statuses(breaks: Ids, status: int, *requirements: str, only: int = 400) -> Change:
    """Send another status with errors that violate some requirements, all by default, and have the status `only`."""

    def change(problem: ApiError) -> ApiError:
        chosen = problem.status == only and (not requirements or problem.requirement in requirements)
        return evolve(problem, status=status, kind=None) if chosen else problem

    return errs(breaks, change)


# --- valid requests

# fmt: off
fault("valid-crashes", "Answers 500 to every valid request.", refuses("IV-OP-VALID", lambda _: True, 500))
fault("valid-502", "Answers 502 to every valid request.", refuses("IV-OP-VALID", lambda _: True, 502))
fault("valid-created", "Answers 201 instead of 200 to valid requests.",
      sends("IV-OP-VALID", lambda response: plain_response(response.body, 201, media_type="application/json")))
fault("valid-queued", "Answers 202 with the id of a job instead of the images.",
      sends("IV-OP-VALID", lambda _: json_response({"id": "job-1", "status": "queued"}, 202)))
fault("valid-empty", "Answers 204 without a body to valid requests.",
      sends("IV-OP-VALID", lambda _: plain_response(status=204)))
# fmt: on


@fault.service("operation-moved", "IV-OP-VALID", everywhere=True)
class OperationMoved(Service):
    """Redirects every POST to the same path with a trailing slash."""

    async def vary(self, request: IncomingRequest) -> Response:
        return redirect_response(f"{OPERATION_PATH}/", 308)


@fault.service("operation-removed", "IV-OP-VALID", "IV-ERR-JSON", everywhere=True)
class OperationRemoved(Service):
    """Answers 404 without a body to every POST, as the original API does since the operation was removed."""

    async def vary(self, request: IncomingRequest) -> Response:
        return plain_response(status=404)


# --- other methods

# fmt: off
fault("get-crashes", "Answers 500 to methods other than POST.", crashes_on((_METHOD, "IV-OP-HEAD-OPTIONS")))
fault("get-502", "Answers 502 to GET.", crashes_on(_METHOD, 502, lambda problem: problem.text == "GET"))
fault("patch-crashes", "Answers 500 to PATCH, a method that its router does not know.",
      crashes_on(_METHOD, when=lambda problem: problem.text == "PATCH"))
fault("head-crashes", "Answers 500 to HEAD.",
      crashes_on("IV-OP-HEAD-OPTIONS", when=lambda problem: problem.text == "HEAD"))
fault("options-crashes", "Answers 500 to OPTIONS.",
      crashes_on("IV-OP-HEAD-OPTIONS", when=lambda problem: problem.text == "OPTIONS"))
fault("head-dropped", "Cuts the connection instead of answering HEAD.",
      crashes_on("IV-OP-HEAD-OPTIONS", "drop", lambda problem: problem.text == "HEAD"))
fault("get-succeeds", "Answers 200 to methods other than POST.",
      answers_method(_METHOD, answer=lambda: json_response({"status": "ok"})))
fault("get-redirects", "Redirects GET to the documentation.",
      answers_method(_METHOD, "GET", answer=lambda: redirect_response("/docs", 302)))
fault("delete-succeeds", "Answers 204 to DELETE.",
      answers_method(_METHOD, "DELETE", answer=lambda: plain_response(status=204)))
fault("get-not-found", "Answers 404 to methods other than POST.", _statuses("IV-OP-METHOD-405", 404, only=405))
fault("get-400", "Answers 400 to methods other than POST.", _statuses("IV-OP-METHOD-405", 400, only=405))
fault("allow-missing", "Sends 405 without an Allow header.",
      errs("IV-OP-METHOD-405", lambda problem: evolve(problem, headers={}) if problem.status == 405 else problem))
fault("allow-without-post", "Sends 405 with the methods GET and HEAD in Allow.",
      errs("IV-OP-METHOD-405",
           lambda problem: evolve(problem, headers={"Allow": "GET, HEAD"}) if problem.status == 405 else problem))
# fmt: on


@fault.service("put-as-post", _METHOD, also=("IV-OP-METHOD-405",))
class PutAsPost(Service):
    """Handles PUT as POST, so that an empty PUT is refused for what it lacks, and a PUT of a form is accepted."""

    async def route(self, request: IncomingRequest) -> Response:
        if request.method == "PUT" and request.url.path == OPERATION_PATH:
            return await self.vary(request)
        return await super().route(request)


# --- other media types


def _takes_type(*types: str) -> Change:
    """Accept bodies of these media types, all by default, and make an image from a placeholder."""

    class TakesType(Service):
        async def vary(self, request: IncomingRequest) -> Response:
            self.authenticate(request)
            try:
                self.boundary(request)
            except ApiError:
                sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if types and sent not in types:
                    raise
                wanted = Wanted(count=1, size=self.dimensions(None), response_format="url")
                images = await self.make(placeholder(), wanted)
                return self.success(self.document(request, images, wanted))
            return await super().vary(request)

    return Change(TakesType, ("IV-OP-MULTIPART",))


# fmt: off
fault("any-body-accepted", "Accepts a body that is not a multipart form, and makes an image from a placeholder.",
      _takes_type())
fault("json-accepted", "Accepts a JSON body in place of a form.", _takes_type("application/json"))
fault("urlencoded-accepted", "Accepts a URL-encoded body in place of a form.",
      _takes_type("application/x-www-form-urlencoded"))
fault("mixed-accepted", "Accepts multipart/mixed in place of multipart/form-data.", _takes_type("multipart/mixed"))
fault("untyped-body-accepted", "Accepts a body without a content type.", _takes_type(""))
fault("other-body-crashes", "Answers 500 to a body that is not a multipart form.", crashes_on("IV-OP-MULTIPART"))
fault("boundary-missing-crashes", "Answers 500 to a content type without a boundary.",
      crashes_on("IV-OP-MULTIPART", when=lambda problem: problem.detail == "boundary"))
fault("json-crashes", "Answers 500 to a JSON body.",
      crashes_on("IV-OP-MULTIPART", when=lambda problem: "json" in problem.text))
fault("empty-body-crashes", "Answers 500 to a form without any delimiter, such as an empty one.",
      crashes_on("IV-OP-MULTIPART", when=lambda problem: problem.detail == "form-cut-off"))
fault("untyped-body-dropped", "Cuts the connection of a request without a content type.",
      crashes_on("IV-OP-MULTIPART", "drop", lambda problem: problem.detail == "type" and not problem.text))
fault("other-body-422", "Answers 422 to a body that is not a multipart form.",
      _statuses("IV-OP-MULTIPART-STATUS", 422, "IV-OP-MULTIPART", only=415))
fault("other-body-404", "Answers 404 to a body that is not a multipart form, as if there were no such operation.",
      _statuses("IV-OP-MULTIPART-STATUS", 404, "IV-OP-MULTIPART", only=415))


# --- headers of requests

fault("media-type-case-matters", "Refuses the media type in other letter case, as in Multipart/Form-Data.",
      refuses("IV-WIRE-HEADER-CASE", header("content-type", "^(?!multipart/form-data)"), 415))
fault("expect-refused", "Answers 400 to a request with an Expect header.",
      refuses("IV-WIRE-EXPECT", header("expect", "."), message="Expect is not supported."))
fault("expect-crashes", "Answers 500 to a request with an Expect header.",
      refuses("IV-WIRE-EXPECT", header("expect", "."), 500))
fault("expect-hangs", "Sends no response to a request with an Expect header.",
      refuses("IV-WIRE-EXPECT", header("expect", "."), "hang"))


# --- invalid requests

fault("errors-as-200", "Answers 200 with an error object to invalid requests.",
      _statuses(_SOME_REFUSALS, 200), everywhere=True)
fault("errors-as-500", "Answers 500 with an error object to invalid requests.",
      _statuses(_SOME_REFUSALS, 500), everywhere=True)
fault("errors-as-422", "Answers 422 with an error object to invalid requests.",
      _statuses("IV-ERR-400", 422), also=("IV-OP-MULTIPART-STATUS",))
fault("errors-as-403", "Answers 403 to invalid requests.",
      _statuses("IV-ERR-400", 403), also=("IV-OP-MULTIPART-STATUS",))
fault("wrong-n-422", "Answers 422 to an invalid n alone, as a framework that converts it before the handler runs.",
      _statuses("IV-ERR-400", 422, "IV-N-BOUNDS", "IV-N-INTEGER", "IV-N-STRICT"))
fault("wrong-image-422", "Answers 422 to a missing image and to one that cannot be read.",
      _statuses("IV-ERR-400", 422, "IV-IMAGE-REQUIRED", "IV-IMAGE-FORMAT", "IV-IMAGE-INTACT"))
fault("unknown-model-403", "Answers 403 to an unknown model.", _statuses("IV-ERR-400", 403, "IV-MODEL-UNKNOWN"))
fault("too-large-422", "Answers 422 to a too large image.",
      _statuses("IV-ERR-400", 422, "IV-IMAGE-MAX-BYTES", only=413))
