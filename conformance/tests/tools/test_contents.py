"""The gate finds a generated client that lost something of the document, whatever the loss looks like in its code.

Each case changes one line of a correct client, as a broken template or generator would have written it.
"""

import shutil
import sys
from pathlib import Path

import pytest
from regeneration.__main__ import run
from regeneration.contents import differences, require_none_of
from regeneration.document import Document, read
from regeneration.lowering import lower
from regeneration.refused import Refused

pytestmark = pytest.mark.slow

CONTRACTS = Path(__file__).parents[1] / "contracts"
LIBRARY, STUDIO = (CONTRACTS / f"{name}.yaml" for name in ("library", "studio"))

# The file, what stands there, what a broken template wrote instead, and a part of the message.
LOSSES: dict[str, tuple[str, str, str, str]] = {
    "the method": (
        "api/books/add_book.py",
        'method="POST"',
        'method="PUT"',
        "books.add with all arguments: expected method 'POST', sent 'PUT'",
    ),
    "the path": (
        "api/loans/create_loan.py",
        'url="/loans"',
        'url="/loan"',
        "expected path '/base/loans', sent '/base/loan'",
    ),
    "the encoding of a path": (
        "api/books/read_book.py",
        "_encoding.path(",
        "(lambda _, value: value)(",
        "expected path",
    ),
    "the security": (
        "api/books/add_book.py",
        "secured=True",
        "secured=False",
        "expected authorization 'Bearer key-of-the-probe', sent None",
    ),
    "that there is no security": (
        "api/books/get_book.py",
        "secured=False",
        "secured=True",
        "expected authorization None",
    ),
    "the media types of responses": ("api/books/read_book.py", "text/plain, ", "", "expected accept"),
    "the media type of a body": ("api/books/add_book.py", '"application/json"', '"text/json"', "expected media type"),
    "a query parameter": ("api/books/list_books.py", '*_encoding.texts("limit", limit),', "", "expected query"),
    "the name of a query parameter": ("api/books/list_books.py", 'texts("limit"', 'texts("limits"', "expected query"),
    "a header parameter": (
        "api/books/list_books.py",
        '"X-Reader", x_reader)),',
        '"X-Header", x_reader)),',
        "header x-reader",
    ),
    "a bound": (
        "api/books/list_books.py",
        "maximum=100",
        "maximum=101",
        "books.list_, limit: maximum 100: the document forbids",
    ),
    "a bound, which is too low": (
        "api/books/list_books.py",
        "maximum=100",
        "maximum=99",
        "limit: maximum 100: expected a request",
    ),
    "an exclusive bound": ("models/new_book.py", ", above=0", "", "pages: exclusiveMinimum 0: the document forbids it"),
    "a step": ("models/copy.py", ", step=5", "", "multipleOf 5: the document forbids it"),
    "a length": ("models/new_book.py", "maximum=80", "maximum=None", "title: maxLength 80: the document forbids it"),
    "the number of items": (
        "models/create_loan_body.py",
        "minimum=1",
        "minimum=0",
        "books: minItems 1: the document forbids",
    ),
    "a pattern": (
        "api/books/list_books.py",
        "_preflight.pattern(",
        "(lambda *_: None)(",
        "X-Reader: pattern ^r-[0-9]+$: the document forbids",
    ),
    "an enum value": ("models/create_loan_body.py", "[2, 4]", "[2]", "weeks: the value 4: expected a request"),
    "an enum": ("models/create_loan_body.py", "[2, 4]", "[2, 4, 5]", "weeks: another value: the document forbids it"),
    "a constant": ("models/create_loan_body.py", '["home"]', '["home", "home-other"]', "kind: another value"),
    "a format": (
        "models/create_loan_body.py",
        "_preflight.datetime(",
        "(lambda *_: None)(",
        "until: the format date-time: the document",
    ),
    "a type of a request": (
        "models/create_loan_body.py",
        '_preflight.boolean("remind", self.remind)',
        "pass",
        "remind: the type",
    ),
    "that models are checked": (
        "models/create_loan_body.py",
        "_preflight.each(self.books)",
        "pass",
        "books.0.shelf",
    ),
    "a field of a request": ("models/new_book.py", 'values["pages"]', 'values["page"]', "expected body"),
    "that a field is required": (
        "models/new_book.py",
        '"subtitle": _encoding.jsonable(self.subtitle),',
        "",
        "expected body",
    ),
    "a type of a response": (
        "models/ticket.py",
        "_decoding.integer",
        "_decoding.anything",
        "the model Ticket, ticket of a wrong type",
    ),
    "a member of a response": (
        "models/book_page.py",
        '"total"',
        '"totals"',
        "the model BookPage, total of a wrong type",
    ),
    "the model of the items of a response": (
        "models/book_page.py",
        "models.book import Book",
        "models.described import Described as Book",
        "expected the model Book at items.0, read Described",
    ),
    "that a member of a response is required": (
        "models/ticket.py",
        '_decoding.take(values, "ticket"',
        '(lambda *_: 1)(values, "ticket"',
        "the model Ticket, without ticket",
    ),
    "that a member of a response is optional": (
        "models/book_page.py",
        'take_optional(values, "total"',
        'take(values, "total"',
        "the model BookPage: expected",
    ),
    "a success status": (
        "api/books/add_book.py",
        '"202": _answers.as_json(Ticket.from_dict)',
        "",
        "a response 202: expected",
    ),
    "the schema of a success": (
        "api/books/add_book.py",
        '"202": _answers.as_json(Ticket',
        '"202": _answers.as_json(Book',
        "response 202",
    ),
    "an error status": (
        "api/books/add_book.py",
        '"409": _answers.as_json(Conflict.from_dict),',
        "",
        "a response 409: expected the model Conflict",
    ),
    "the schema of an error": (
        "api/books/add_book.py",
        '"409": _answers.as_json(Conflict',
        '"409": _answers.as_json(Problem',
        "409",
    ),
    "the default": (
        "api/books/add_book.py",
        '"default": _answers.as_text,',
        "",
        "a response default: expected 'Zoë'",
    ),
    "a range of errors": ("api/loans/create_loan.py", '"4XX"', '"400"', "a response 4XX: expected the model Problem"),
    "a branch of a union": (
        "api/loans/create_loan.py",
        "_decoding.either(Lent.from_dict, Queued.from_dict)",
        "Queued.from_dict",
        "",
    ),
    "a method": ("api/loans/__init__.py", "def create(", "def creates(", "there is no method loans.create"),
}

LOSSES_OF_FORMS: dict[str, tuple[str, str, str, str]] = {
    "the media type of a part": (
        "models/retouch_photo_body.py",
        '"image/webp"',
        '"image/png"',
        "photos.retouch with all arguments",
    ),
    "a part": ("models/retouch_photo_body.py", '*parts("style", self.style),', "", "expected body"),
    "a file": ("models/retouch_photo_body.py", "[self.mask]", "[self.photo]", "with all arguments: expected"),
    "a kind of image": ("models/retouch_photo_body.py", 'kinds=("png",)', "kinds=()", "photo: a file of kind jpeg"),
    "that an image is square": (
        "models/retouch_photo_body.py",
        "square=True",
        "square=False",
        "photo: a file that is not square",
    ),
    "the limit of an image": (
        "models/retouch_photo_body.py",
        "bytes=1001",
        "bytes=1002",
        "photo: a file of 1001 bytes",
    ),
    "an enum of a form": (
        "models/retouch_photo_body.py",
        '["soft", "hard"]',
        '["soft", "hard", "soft-other"]',
        "style: another",
    ),
    "a field of a URL-encoded form": ("models/search_body.py", 'values["timeout"]', 'values["time"]', "expected body"),
    "a length of a path parameter": ("api/photos/annotate.py", "maximum=5", "maximum=6", "photo-id: maxLength 5"),
    "an error in a range": ("api/photos/annotate.py", '"default"', '"400"', "a response default"),
}


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the correct clients of both documents."""
    folder = tmp_path_factory.mktemp("clients")
    for spec in (LIBRARY, STUDIO):
        assert run(spec, folder / spec.stem, check=False) == 0
    return folder


def verify(package: Path, document: Document) -> None:
    require_none_of(differences(package, document, "httpx"))


def changed(clients: Path, spec: Path, folder: Path, loss: tuple[str, str, str, str]) -> tuple[Path, Document]:
    package = Path(shutil.copytree(clients / spec.stem, folder / spec.stem))
    name, old, new, _ = loss
    text = (package / name).read_text()
    assert old in text
    (package / name).write_text(text.replace(old, new))
    return package, lower(read(spec))


@pytest.mark.parametrize("spec", [LIBRARY, STUDIO], ids=lambda path: path.stem)
def test_a_correct_client_is_accepted(clients: Path, spec: Path) -> None:
    verify(clients / spec.stem, lower(read(spec)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_a_client_in_json_is_refused(clients: Path, tmp_path: Path, name: str) -> None:
    package, document = changed(clients, LIBRARY, tmp_path, LOSSES[name])
    with pytest.raises(Refused) as refused:
        verify(package, document)
    assert LOSSES[name][3] in str(refused.value)
    assert str(refused.value).startswith("The generated client does not do what the document says:\n  ")


@pytest.mark.parametrize("name", LOSSES_OF_FORMS)
def test_a_loss_of_a_client_of_forms_is_refused(clients: Path, tmp_path: Path, name: str) -> None:
    package, document = changed(clients, STUDIO, tmp_path, LOSSES_OF_FORMS[name])
    with pytest.raises(Refused) as refused:
        verify(package, document)
    assert LOSSES_OF_FORMS[name][3] in str(refused.value)


def test_a_generator_that_loses_a_bound_is_refused_and_nothing_is_written(
    clients: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "generator.py"
    program.write_text(
        "import pathlib, shutil, sys\n"
        "package = pathlib.Path(sys.argv[sys.argv.index('--output-path') + 1])\n"
        "ignored = shutil.ignore_patterns('py.typed', '_stamp.py')\n"
        f"shutil.copytree({str(clients / 'library')!r}, package, ignore=ignored)\n"
        "path = package / 'api' / 'books' / 'list_books.py'\n"
        "path.write_text(path.read_text().replace('minimum=1, ', ''))\n"
    )
    assert run(LIBRARY, tmp_path / "library", check=False, generator=[sys.executable, str(program)]) == 2
    assert "books.list_, limit: minimum 1: the document forbids it, and it was sent" in capsys.readouterr().err
    assert not (tmp_path / "library").exists()
