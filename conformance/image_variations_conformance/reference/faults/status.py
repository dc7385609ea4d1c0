"""Faults in the status codes of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ..app.api_error import ApiError
from ..app.responses import json_response, plain_response, redirect_response
from ..app.service import OPERATION_PATH, Service
from ..registry import FaultFamily
from .fault_helpers import Crash, answered, crashing

if TYPE_CHECKING:
    from starlette.responses import Response

    from ..app.incoming import IncomingRequest

fault = FaultFamily("status")


@fault("valid-crashes", breaks=("IV-OP-VALID", "IV-ERR-NO-5XX"))
class ValidCrashes(Service):
    """Answers 500 to every valid request."""

    def success(self, document: object) -> Response:
        raise Crash


@fault("valid-created", breaks=("IV-OP-VALID",))
class ValidCreated(Service):
    """Answers 201 instead of 200 to valid requests."""

    def success(self, document: object) -> Response:
        return json_response(document, 201)


@fault("valid-queued", breaks=("IV-OP-VALID",))
class ValidQueued(Service):
    """Answers 202 with the id of a job instead of the images."""

    def success(self, document: object) -> Response:
        return json_response({"id": "job-1", "status": "queued"}, 202)


@fault("operation-moved", breaks=("IV-OP-VALID",), everywhere=True)
class OperationMoved(Service):
    """Redirects every POST to the same path with a trailing slash."""

    async def vary(self, request: IncomingRequest) -> Response:
        return redirect_response(f"{OPERATION_PATH}/", 308)


@fault("operation-removed", breaks=("IV-OP-VALID", "IV-ERR-JSON"), everywhere=True)
class OperationRemoved(Service):
    """Answers 404 without a body to every POST, as the original API does since the operation was removed."""

    async def vary(self, request: IncomingRequest) -> Response:
        return plain_response(status=404)


@fault("get-crashes", breaks=("IV-OP-METHOD", "IV-ERR-NO-5XX"))
class GetCrashes(Service):
    """Answers 500 to methods other than POST."""

    def other_method(self, request: IncomingRequest) -> Response:
        raise Crash


@fault("get-succeeds", breaks=("IV-OP-METHOD",))
class GetSucceeds(Service):
    """Answers 200 to methods other than POST."""

    def other_method(self, request: IncomingRequest) -> Response:
        return json_response({"status": "ok"})


@fault("get-not-found", breaks=("IV-OP-METHOD-405",))
class GetNotFound(Service):
    """Answers 404 to methods other than POST."""

    def other_method(self, request: IncomingRequest) -> Response:
        raise ApiError("Not found.", status=404)


@fault("allow-missing", breaks=("IV-OP-METHOD-405",))
class AllowMissing(Service):
    """Sends 405 without an Allow header."""

    def other_method(self, request: IncomingRequest) -> Response:
        try:
            return super().other_method(request)
        except ApiError as problem:
            raise evolve(problem, headers={}) from problem


@fault("other-body-crashes", breaks=("IV-OP-MULTIPART", "IV-ERR-NO-5XX"))
class OtherBodyCrashes(Service):
    """Answers 500 to a body that is not a multipart form."""

    def boundary(self, request: IncomingRequest) -> bytes:
        with crashing():
            return super().boundary(request)


@fault("other-body-422", breaks=("IV-OP-MULTIPART-STATUS",))
class OtherBody422(Service):
    """Answers 422 to a body that is not a multipart form."""

    def boundary(self, request: IncomingRequest) -> bytes:
        with answered(422):
            return super().boundary(request)


@fault("errors-as-200", breaks=("IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-IMAGE-FORMAT"), everywhere=True)
class ErrorsAs200(Service):
    """Answers 200 with an error object to invalid requests."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=200) if problem.status == 400 else problem)


@fault("errors-as-500", breaks=("IV-ERR-NO-5XX", "IV-N-BOUNDS", "IV-SIZE-UNKNOWN", "IV-IMAGE-FORMAT"), everywhere=True)
class ErrorsAs500(Service):
    """Answers 500 with an error object to invalid requests."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=500) if problem.status == 400 else problem)


@fault("errors-as-422", breaks=("IV-ERR-400",), also=("IV-OP-MULTIPART-STATUS",))
class ErrorsAs422(Service):
    """Answers 422 with an error object to invalid requests."""

    def refusal(self, problem: ApiError) -> Response:
        return super().refusal(evolve(problem, status=422) if problem.status == 400 else problem)
