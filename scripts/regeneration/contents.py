"""Compare what a generated client does with what the lowered document says, one operation after the other.

The client is called as its users call it (`probe`), with valid arguments, with values at the limits of the document
and beyond, and with responses of each status. So a template or a generator that loses a method, a path, a parameter, a
field, a type, a bound, an enum value, a media type, the security or a status is found, whatever the code looks like.
"""

import base64
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from regeneration.document import Document
from regeneration.probing import Outcome, probed
from regeneration.refused import Refused
from regeneration.samples import Sample, Samples, attribute
from regeneration.sent_requests import expected_parts, sent_parts
from regeneration.tested_operations import Answer, Operation, tested_operations

_MAX_SHOWN = 20
_MAX_VALUE = 200
_COMMON = frozenset({"extra_headers", "extra_query", "extra_body", "timeout"})

_NOTHING = Sample(None, None)
# What is wrong with the outcome of a trial, or an empty string.
Judge = Callable[[Outcome], str]


@frozen
class Trial:
    """What `probe` does with the client, what it is about, and the judge of its outcome."""

    about: str
    plan: dict[str, Any]  # in the notation of `probe`
    judge: Judge


def differences(package: Path, lowered: Document, http_library: str) -> list[str]:
    """Return what the generated client of the folder `package` does otherwise than the lowered document says.

    Raises `Refused` if the client cannot be imported or called.
    """
    operations = list(tested_operations(lowered))
    faults: list[str] = []
    trials: list[Trial] = []
    with probed(package, http_library) as probing:
        signatures = probing.signatures([(each.tag, each.method) for each in operations])
        for each, signature in zip(operations, signatures, strict=True):
            if signature is None:
                faults.append(f"{each.http_method.upper()} {each.path}: there is no method {each.tag}.{each.method}")
                continue
            operation = evolve(each, signature=signature[0])
            wrong = [fault for side in signature for fault in _wrong_arguments(operation, side)]
            faults += wrong
            trials += [] if wrong else _trials(operation)
        if operations:
            trials += _model_trials(operations[0].samples)
        for trial, both in zip(trials, probing.outcomes([trial.plan for trial in trials]), strict=True):
            faults += [f"{trial.about}: {fault}" for fault in map(trial.judge, both) if fault]
    return list(dict.fromkeys(faults))


def require_none_of(faults: list[str]) -> None:
    """Raise `Refused` with the first of the faults, if there are any."""
    if faults:
        rest = [f"... and {len(faults) - _MAX_SHOWN} more"] if len(faults) > _MAX_SHOWN else []
        raise Refused(
            "\n  ".join(["The generated client does not do what the document says:", *faults[:_MAX_SHOWN], *rest])
            + "\nCorrect the templates, or, if the generator drops something, add a rewrite to "
            "scripts/regeneration/lowering.py."
        )


def _wrong_arguments(operation: Operation, signature: dict[str, bool]) -> Iterator[str]:
    """Yield the differences between the arguments of a method and those of the document."""
    expected = {attribute(each["name"]): bool(each.get("required")) for each in operation.parameters}
    if operation.body is not None and "body" in signature:
        expected["body"] = operation.body[2]
    elif operation.body is not None:
        required, properties = operation.samples.members(operation.samples.resolved(operation.body[1]["schema"]))
        names = operation.argument_names
        expected |= {names.get(attribute(name), attribute(name)): name in required for name in properties}
    found = {name: is_required for name, is_required in signature.items() if name not in _COMMON - expected.keys()}
    where = f"{operation.tag}.{operation.method}"
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            words = {True: "a required argument", False: "an optional argument", None: "no argument"}
            yield f"{where}: expected {words[expected.get(name)]} {name}, found {words[found.get(name)]}"


def _trials(operation: Operation) -> Iterator[Trial]:
    first = next((status for status in operation.responses if operation.is_success(status)), None)
    accepted = Answer(204) if first is None else operation.answer(first)[0]
    yield from _request_trials(operation, accepted)
    yield from _response_trials(operation)


def _call(operation: Operation, about: str, arguments: dict[str, Any], answer: Answer, judge: Judge) -> Trial:
    body = base64.b64encode(answer.body).decode()
    response = {"status": answer.status, "media_type": answer.media_type, "body": body}
    plan = {"tag": operation.tag, "method": operation.method, "arguments": arguments, **response}
    return Trial(about, plan, judge)


def _request_trials(operation: Operation, accepted: Answer) -> Iterator[Trial]:
    where = f"{operation.tag}.{operation.method}"
    for full in (False, True):
        values, body = operation.example(full=full)
        about = f"{where} with {'all' if full else 'the required'} arguments"
        judge = _sends(operation, values, body)
        yield _call(operation, about, operation.call(values, body), accepted, judge)
    values, body = operation.example(full=False)
    for parameter in operation.parameters:
        for edge in operation.samples.edges(parameter["schema"], is_checked=True):
            name = ".".join((parameter["name"], *edge.path))
            sample = _in_ascii(edge.sample) if parameter["in"] == "header" else edge.sample
            changed = {**values, parameter["name"]: sample}
            judge = _sends(operation, changed, body) if edge.is_valid else _refuses
            arguments = operation.call(changed, body)
            yield _call(operation, f"{where}, {name}: {edge.about}", arguments, accepted, judge)
    if operation.body is not None:
        for edge in operation.samples.edges(operation.body[1]["schema"], is_checked=False):
            judge = _sends(operation, values, edge.sample) if edge.is_valid else _refuses
            arguments = operation.call(values, edge.sample)
            about = f"{where}, {'.'.join(edge.path)}: {edge.about}"
            yield _call(operation, about, arguments, accepted, judge)


def _in_ascii(sample: Sample) -> Sample:
    """Return a text of as many characters that a header can have; another value as it is."""
    if not isinstance(sample.argument, str):
        return sample
    text = sample.argument.replace("é", "e")
    return Sample(text, text)


def _response_trials(operation: Operation) -> Iterator[Trial]:
    arguments = operation.call(*operation.example(full=False))

    def trial(about: str, answer: Answer, judge: Judge) -> Trial:
        where = f"{operation.tag}.{operation.method}, a response {about}"
        return _call(operation, where, arguments, answer, judge)

    for status, (media_type, schema) in operation.responses.items():
        # How a model is read, `_model_trials` are about, and the trials here, whether it is that model.
        is_model = "json" in media_type and operation.samples.class_name(schema) is not None
        for full in (True,) if is_model else (True, False):
            answer, sample = operation.answer(status, full=full)
            judge = _returns(sample) if operation.is_success(status) else _raises("APIStatusError", sample)
            yield trial(status, answer, judge)
        if operation.is_success(status) and "json" in media_type:
            for about, broken in islice(operation.samples.broken(schema), 1 if is_model else None):
                wrong = evolve(answer, body=json.dumps(broken).encode())
                yield trial(f"{status} {about}", wrong, _raises("APIResponseValidationError", _NOTHING))
    if not any(operation.is_success(status) and not status.isdecimal() for status in operation.responses):
        other = next(each for each in range(218, 300) if str(each) not in operation.responses)
        yield trial(
            "of a status that is not in the document", Answer(other), _raises("APIResponseValidationError", _NOTHING)
        )


def _model_trials(samples: Samples) -> Iterator[Trial]:
    """Yield what each model of a response reads. Once, since most models are parts of many responses."""
    for model, schema in samples.models_of_responses():
        where = f"the model {model}"
        for full in (True, False):
            sample = samples.valid(schema, full=full)
            yield Trial(where, {"model": model, "value": sample.wire}, _returns(sample))
        for about, broken in samples.broken(schema):
            yield Trial(f"{where}, {about}", {"model": model, "value": broken}, _raises("DataError", _NOTHING))


def _sends(operation: Operation, values: dict[str, Sample], body: Sample | None) -> Judge:
    def judge(outcome: Outcome) -> str:
        sent = outcome["sent"]
        if sent is None:
            return f"expected a request, but {_shown(outcome['raised'])}"
        expected, found = dict(expected_parts(operation, values, body)), dict(sent_parts(operation, sent))
        wrong = [
            f"expected {part} {_shown(expected.get(part))}, sent {_shown(found.get(part))}"
            for part in expected | found
            if expected.get(part) != found.get(part)
        ]
        return "; ".join(wrong)

    return judge


def _refuses(outcome: Outcome) -> str:
    if outcome["sent"] is not None:
        return "the document forbids it, and it was sent"
    classes = (outcome["raised"] or {}).get("classes", [])
    return "" if "InvalidRequestError" in classes else f"expected InvalidRequestError, but {_shown(outcome['raised'])}"


def _returns(sample: Sample) -> Judge:
    def judge(outcome: Outcome) -> str:
        if outcome["returned"] is None:
            return f"expected {_shown(sample.wire)}, but {_shown(outcome['raised'])}"
        return _misread(sample, outcome["returned"])

    return judge


def _raises(error: str, sample: Sample) -> Judge:
    def judge(outcome: Outcome) -> str:
        raised = outcome["raised"]
        if raised is None or error not in raised["classes"]:
            return f"expected {error}, got {_shown(raised or outcome['returned'])}"
        return _misread(sample, raised["parsed"])

    return judge


def _misread(sample: Sample, read: dict[str, Any]) -> str:
    """Return how a value that was read differs from the one that the document calls for."""
    for place, model in _models_in(sample.argument):
        found = read["models"].get(place, "no model")
        if found != model:
            return f"expected the model {model}{f' at {place}' if place else ''}, read {found}"
    return "" if read["value"] == sample.wire else f"expected {_shown(sample.wire)}, read {_shown(read['value'])}"


def _models_in(argument: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the place and the class of each model in an argument, as `probe` does."""
    if isinstance(argument, list):
        for index, item in enumerate(argument):
            yield from _models_in(item, (*path, str(index)))
    elif isinstance(argument, dict) and "model" in argument:
        name, members = argument["model"]
        if name is not None:
            yield ".".join(path), name
        for attribute_name, inner in members.items():
            yield from _models_in(inner, (*path, attribute_name))


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "classes" in value:
        value = f"{value['classes'][0]}: {value['message']}"
    text = repr(value)
    return text if len(text) <= _MAX_VALUE else text[:_MAX_VALUE] + "..."
