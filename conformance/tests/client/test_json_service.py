"""The client of a service in JSON alone, with several tags, against a small server that keeps books and loans."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from client.driving import MODES
from client.other_clients import Caller, generated

pytestmark = pytest.mark.slow

TOKEN = "lib-0123456789"  # noqa: S105 - of a test server
MISSING = UUID("00000000-0000-4000-8000-000000000000")
IDS = [UUID(f"00000000-0000-4000-8000-{number:012}") for number in range(1, 9)]


class Books(BaseHTTPRequestHandler):
    """Handles the operations of the document, on the books of the server."""

    protocol_version = "HTTP/1.1"
    server: "Shelf"

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        name = target.path.removeprefix("/books").strip("/")
        if not name:
            self._list(parse_qs(target.query))
        elif name.endswith("/text"):
            self._answer(200, f"Text of {unquote(name.removesuffix('/text'))}", "text/plain; charset=utf-8")
        elif "Authorization" in self.headers:
            self._answer(400, {"detail": "A key was sent to an operation without security."})
        elif name in self.server.books:
            self._answer(200, self.server.books[name])
        else:
            self._answer(404, {"detail": "No such book."})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, "Who are you?", "text/plain")
        elif self.path == "/loans":
            self._lend(sent)
        elif any(book["title"] == sent["title"] for book in self.server.books.values()):
            self._answer(409, {"detail": "There is such a book.", "other": next(iter(self.server.books))})
        elif sent["title"] == "Later":
            self._answer(202, {"ticket": 7})
        else:
            book = {"id": str(IDS[len(self.server.books)]), "title": sent["title"], "state": "in", "received": sent}
            self.server.books[str(book["id"])] = book
            self._answer(201, book)

    def do_DELETE(self) -> None:
        del self.server.books[self.path.removeprefix("/books/")]
        self._answer(204, None)

    def _list(self, query: dict[str, list[str]]) -> None:
        if not re.fullmatch("r-[0-9]+", self.headers["X-Reader"] or ""):
            self._answer(400, {"detail": "Who reads?"})
            return
        books = list(self.server.books.values())[: int(query.pop("limit", ["20"])[0])]
        self._answer(200, {"items": books, "next": None, "total": len(self.server.books), "query": query})

    def _lend(self, sent: dict[str, Any]) -> None:
        if datetime.fromisoformat(sent["until"]) < datetime(2026, 1, 1, tzinfo=UTC):
            self._answer(422, {"detail": "That is over."})
            return
        queued = {"kind": "queued", "place": 2}
        lent = {"kind": "lent", "until": sent["until"][:10], "returned": sent.get("weeks") == 4, "received": sent}
        self._answer(207, [lent, queued, lent][: len(sent["books"])], "application/vnd.library+json")

    def _answer(self, status: int, body: object, media_type: str = "application/json") -> None:
        accepted = [each.strip() for each in self.headers["Accept"].split(",")]
        if body is not None and status < 300 and media_type.partition(";")[0] not in accepted:
            status, body, media_type = 406, {"detail": f"{media_type} is not accepted."}, "application/json"
        content = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""


class Shelf(ThreadingHTTPServer):
    """The server, with its books by their ids."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Books)
        self.books: dict[str, dict[str, Any]] = {}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with generated("library", tmp_path_factory.mktemp("library")) as package:
        yield package


@pytest.fixture(params=MODES)
def call(request: pytest.FixtureRequest, library: ModuleType, shelf: Shelf) -> Iterator[Caller]:
    with asyncio.Runner() as runner:
        caller = Caller(library, request.param, f"http://127.0.0.1:{shelf.server_port}", runner, TOKEN)
        yield caller
        caller(caller.client.close)


def test_books_are_added_listed_read_and_removed(call: Caller, library: ModuleType) -> None:
    books = call.client.books
    added = call(books.add, title="Moby Dick", subtitle=None, pages=635, copy=library.Copy(shelf=10))
    assert type(added) is library.Book
    assert (added.id, added.additional_properties["received"]) == (
        IDS[0],
        {"title": "Moby Dick", "subtitle": None, "pages": 635, "copy": {"shelf": 10}},
    )
    page = call(books.list_, x_reader="r-7", tag=["sea", "a & b"], limit=1, available=False, since=date(2026, 5, 12))
    assert [book.title for book in page.items] == ["Moby Dick"]
    assert (page.next_, page.total) == (None, 1)
    assert page.additional_properties["query"] == {
        "tag": ["sea", "a & b"],
        "available": ["false"],
        "since": ["2026-05-12"],
    }
    assert call(books.get, book_id=IDS[0]).title == "Moby Dick"
    assert call(books.read, book_id="sea/ä") == "Text of sea/ä"
    assert call(books.remove, book_id=IDS[0]) is None
    assert call(books.list_, x_reader="r-7").items == []


def test_several_success_statuses_have_the_models_of_their_own(call: Caller, library: ModuleType) -> None:
    ticket = call(call.client.books.add, title="Later", subtitle="x")
    assert (type(ticket), ticket.ticket) == (library.Ticket, 7)


def test_each_error_status_has_the_model_of_its_own(call: Caller, library: ModuleType) -> None:
    call(call.client.books.add, title="Emma", subtitle=None)
    with pytest.raises(library.ConflictError) as conflict:
        call(call.client.books.add, title="Emma", subtitle=None)
    assert conflict.value.parsed == library.Conflict(detail="There is such a book.", other=IDS[0])
    with pytest.raises(library.NotFoundError) as missing:
        call(call.client.books.get, book_id=MISSING)
    assert missing.value.parsed == library.Problem(detail="No such book.")
    stranger = call.client.with_options(api_key="wrong")
    with pytest.raises(library.AuthenticationError) as unknown:
        call(stranger.books.add, title="Emma", subtitle=None)
    assert unknown.value.parsed == "Who are you?"


def test_the_alternatives_of_a_response_are_told_apart(call: Caller, library: ModuleType) -> None:
    copies = [library.Copy(shelf=5), library.Copy(shelf=15)]
    until = datetime(2026, 6, 1, 12, tzinfo=UTC)
    lent, queued = call(call.client.loans.create, reader="Zoë", books=copies, until=until, weeks=2, fee=None)
    assert (type(lent), lent.until) == (library.Lent, date(2026, 6, 1))
    assert (type(queued), queued.place) == (library.Queued, 2)
    with pytest.raises(library.APIResponseValidationError, match="expected False"):
        call(call.client.loans.create, reader="Zoë", books=copies, until=until, weeks=4)
    with pytest.raises(library.UnprocessableEntityError) as late:
        call(call.client.loans.create, reader="Zoë", books=copies, until=datetime(2025, 1, 1, tzinfo=UTC))
    assert late.value.parsed == library.Problem(detail="That is over.")


@pytest.mark.parametrize(
    ("arguments", "param"),
    [
        ({"until": datetime(2026, 6, 1)}, "until"),
        ({"until": date(2026, 6, 1)}, "until"),
        ({"kind": "away"}, "kind"),
        ({"weeks": 3}, "weeks"),
        ({"remind": 1}, "remind"),
        ({"reader": "Z"}, "reader"),
        ({"books": []}, "books"),
        ({"shelves": [1]}, "shelves[0]"),
        ({"shelves": [[1], [2, "b"]]}, "shelves[1][1]"),
        ({"deposit": {"coins": 1}}, "deposit"),
    ],
)
def test_a_value_that_the_document_forbids_is_not_sent(
    call: Caller, library: ModuleType, arguments: dict[str, Any], param: str
) -> None:
    valid = {"reader": "Zoë", "books": [library.Copy(shelf=5)], "until": datetime(2026, 6, 1, tzinfo=UTC)}
    with pytest.raises(library.InvalidRequestError) as refused:
        call(call.client.loans.create, **{**valid, **arguments})
    assert refused.value.param == param


def test_an_object_that_the_document_does_not_describe_is_not_sent(call: Caller, library: ModuleType) -> None:
    more = library.Coins(coins=1, additional_properties={"banknotes": 1})
    lend = partial(call, call.client.loans.create, reader="Zoë", until=datetime(2026, 6, 1, tzinfo=UTC))
    copies = [library.Copy(shelf=5)]
    for arguments, param in (
        ({"books": copies, "deposit": library.Copy(shelf=5)}, "deposit"),
        ({"books": copies, "deposit": more}, "additional_properties"),
        ({"books": [library.Card(card="c")]}, "books[0]"),
    ):
        with pytest.raises(library.InvalidRequestError) as refused:
            lend(**arguments)
        assert refused.value.param == param
    null = library.Coins(coins=1, additional_properties={"bank": None})
    (lent, _) = lend(books=[*copies, *copies], deposit=null, shelves=[[1, 2], []])
    sent = lent.additional_properties["received"]
    assert (sent["deposit"], sent["shelves"]) == ({"bank": None, "coins": 1}, [[1, 2], []])


@pytest.mark.parametrize("name", [".", ".."])
def test_a_parameter_that_would_make_another_path_is_not_sent(call: Caller, library: ModuleType, name: str) -> None:
    with pytest.raises(library.InvalidRequestError, match="would be sent as another path"):
        call(call.client.books.read, book_id=name)
    assert call(call.client.books.read, book_id="...") == "Text of ..."


def test_a_header_that_does_not_match_its_pattern_is_not_sent(call: Caller, library: ModuleType) -> None:
    for value in ("7", "r-", "r-7\n", "r-٣"):
        with pytest.raises(library.InvalidRequestError, match="X-Reader must match"):
            call(call.client.books.list_, x_reader=value)
