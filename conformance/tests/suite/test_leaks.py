"""What servers reveal of themselves breaks IV-ERR-SECRETS; what the client sent, links and English do not."""

import base64
import json
import random
import time

import pytest
from image_variations_conformance.cases.builder import Builder
from image_variations_conformance.oracles import judge
from image_variations_conformance.wire.exchange import Exchange, Request, Response
from image_variations_conformance.wire.target import Target
from support.requests import CONTRACT, KEY, TARGET, builder, observed

JSON = (("Content-Type", "application/json"),)
AWS_KEY = "AKIAIOSFODNN7EXAMPLE"


def revealed(request: Request, response: Response) -> list[str]:
    """Return the messages of what a response reveals."""
    found = judge([observed(Exchange("a-case", request, response, time.time(), 0.5))], CONTRACT)
    return [it.message for it in found if it.requirement == "IV-ERR-SECRETS" and it.state == "contradicted"]


def error(message: str, status: int = 500) -> Response:
    return Response(status, JSON, json.dumps({"error": {"message": message, "type": "e"}}).encode())


def plain(b: Builder | None = None) -> Request:
    return (b or builder()).form(n="0")


LEAKS = [
    # .NET
    (
        "System.NullReferenceException: Object reference not set to an instance of an object.\r\n"
        "   at Acme.Images.ImagesController.Post() in C:\\inetpub\\wwwroot\\Controllers\\ImagesController.cs:line 42",
        "a .NET stack",
    ),
    ("Oops\n   at Acme.Images.Api.<Post>d__3.MoveNext() in /src/Api.cs:line 7", "a .NET stack"),
    ("Oops\n   at Acme.Images.ImagesController.Post(HttpContext context)", "a stack trace"),
    ("System.IO.FileNotFoundException: Could not find a file", "an exception of its runtime"),
    # Java, Kotlin and Spring
    ("at com.acme.MainKt.main(Main.kt:12)", "a Java stack"),
    ("at java.base/java.lang.Thread.run(Thread.java:840)", "a Java stack"),
    ("x\n\tat jdk.internal.reflect.DirectMethod.invoke(Unknown Source)", "a stack trace"),
    ("java.lang.NullPointerException: Cannot invoke method", "an exception of its runtime"),
    # Python
    ("Traceback (most recent call last):\n  x", "a Python traceback"),
    ("<h2>Traceback <em>(most recent call last)</em></h2>", "a Python traceback"),
    ("File &quot;/srv/app/main.py&quot;, line 3", "a Python traceback"),
    ("because you have <code>DEBUG = True</code> in your Django settings file", "a debug page"),
    ("<title>KeyError // Werkzeug Debugger</title>", "a debug page"),
    ("<Field object at 0x7f3a5c0d2e80>", "a memory address"),
    # JavaScript
    ("Error: x\n    at Layer.handle (/srv/app/node_modules/express/lib/router/layer.js:95:5)", "a JavaScript stack"),
    ("<pre>Error<br> &nbsp; &nbsp;at next (/srv/app/node_modules/express/lib/x.js:95:5)", "the path of a source file"),
    ("Invalid `prisma.images.create()` invocation", "an error of its database"),
    # PHP
    ("PHP Fatal error: Uncaught Exception: x\nStack trace:\n#0 {main}", "a PHP stack"),
    ("<b>Warning</b>: fopen() in <b>/var/www/html/index.php</b> on line <b>3</b>", "the path of a source file"),
    ("Symfony\\Component\\HttpKernel\\Exception\\HttpException", "a debug page"),
    ("Illuminate\\Database\\QueryException", "a debug page"),
    # Ruby
    ("images_controller.rb:12:in 'create'", "a Ruby stack"),
    ("Action Controller: Exception caught", "a debug page"),
    ("PG::UndefinedTable: no images", "an error of its database"),
    # Go and Rust
    ("goroutine 12 [running]:", "a Go or Rust panic"),
    ("runtime error: invalid memory address or nil pointer dereference", "a Go or Rust panic"),
    ("thread 'main' panicked at src/main.rs:3:5", "a Go or Rust panic"),
    ("called `Result::unwrap()` on an `Err` value", "a Go or Rust panic"),
    # Perl, Lua, Elixir, Erlang, Swift and C++
    ('Can\'t locate object method "x" via package "Y" at lib/App.pm line 42.', "a Perl stack"),
    ("died at (eval 12) line 1.", "a Perl stack"),
    ("images.lua:12: attempt to index a nil value", "a Lua stack"),
    ("** (Postgrex.Error) oops", "an Elixir or Erlang stack"),
    ("** (RuntimeError) oops", "an Elixir or Erlang stack"),
    ("(app 0.1.0) lib/app/images.ex:42: App.Images.create/2", "an Elixir or Erlang stack"),
    ('[{file,"src/images.erl"},{line,42}]', "an Elixir or Erlang stack"),
    ("App/Images.swift:12: Fatal error: Index out of range", "a crash of Swift"),
    ("images: src/images.cpp:42: int make(int): Assertion `n > 0' failed.", "a failed assertion"),
    ("terminate called after throwing an instance of 'std::bad_alloc'", "a failed assertion"),
    ("worker pid=17", "a process id"),
    # Credentials
    ("postgresql://app:hunter2@10.0.3.17:5432/images", "a connection string with a password"),
    ("redis://:hunter2@redis:6379/0", "a connection string with a password"),
    ("no answer of https://elastic:changeme@search.example.com", "a connection string with a password"),
    ("Server=10.0.0.5;Database=images;User Id=sa;Password=hunter2;", "a connection string with a password"),
    ("host=10.0.3.17 port=5432 user=app password=hunter2 dbname=images", "a connection string with a password"),
    ("app:hunter2@tcp(10.0.3.17:3306)/images", "a connection string with a password"),
    (f"no access with {AWS_KEY}", "a credential of a cloud"),
    (f"hf_{'abcdefgh' * 4}xy may not read", "a credential of a cloud"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a secret of its environment"),
    ("environ({'DB_PASSWORD': 'hunter2'})", "a secret of its environment"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "a private key"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEow", "a private key"),
    # Databases
    ('SQLSTATE[42P01]: Undefined table: 7 ERROR: relation "images" does not exist', "an error of its database"),
    ("INSERT INTO images (id, owner) VALUES ($1, $2)", "an SQL statement"),
    ('insert into "images" ("id", "owner") values ($1, $2) - no such thing', "an SQL statement"),
    ("SELECT images.id, images.owner \nFROM images", "an SQL statement"),
    ('SELECT "images".* FROM "images" LIMIT 1', "an SQL statement"),
    ("select id from images where owner = ?", "an SQL statement"),
    ("SELECT id FROM images WHERE owner = 3", "an SQL statement"),
    ("select * from images", "an SQL statement"),
    ("UPDATE images SET owner = 3", "an SQL statement"),
    ("DELETE FROM images", "an SQL statement"),
    ("(sqlite3.OperationalError) near", "an error of its database"),
    ("ORA-00942: table or view", "an error of its database"),
    # Hosts
    ("HTTPConnectionPool(host='10.0.0.5', port=8188): Max retries exceeded", "an internal address"),
    ("connect ECONNREFUSED 10.0.3.17:6379", "an internal address"),
    ("getaddrinfo ENOTFOUND redis.internal", "an internal address"),
    ("dial tcp 10.0.3.17:6379: connect: connection refused", "an internal address"),
    ("Cannot connect to host 10.0.0.5:8188 ssl:default", "an internal address"),
    ("Error 111 connecting to redis:6379. Connection refused.", "an internal address"),
    ('connection to server at "10.0.3.17", port 5432 failed', "an internal address"),
    ("Failed to connect to /10.0.0.5:8188", "an internal address"),
    ("Connection refused: localhost/127.0.0.1:6379", "an internal address"),
    ("the target machine actively refused it. (10.0.0.5:8188)", "an internal address"),
    ("curl: (7) Failed to connect to comfy port 8188", "an internal address"),
    # Files
    ("Cannot open /srv/app/media/upload.png", "a file path of the server"),
    ("cannot identify image file '/tmp/tmpab12.png'", "a file path of the server"),
    ("no file:///var/lib/images/a", "a file path of the server"),
    ("C:\\Users\\svc\\AppData\\Local\\Temp\\x.png is locked", "a file path of the server"),
    ("D:\\work files\\media\\x.png", "a file path of the server"),
    ("/home/ubuntu/ComfyUI/input/x.png: not found", "a file path of the server"),
    ("/var/www/media/x", "a file path of the server"),
    ("[Errno 2] No such file or directory: '/app/weights.pt'", "a file path of the server"),
]


@pytest.mark.parametrize(("message", "what"), LEAKS, ids=lambda it: it[:40])
def test_an_internal_detail_in_a_message_breaks_iv_err_secrets_with_a_word_for_it(message: str, what: str) -> None:
    words = [f"the 500 response reveals {what}"]
    assert revealed(plain(), error(message)) == words
    php = json.dumps({"error": {"message": message}}).replace("/", "\\/").encode()
    assert revealed(plain(), Response(500, (("Content-Type", "application/problem+json"),), php)) == words
    assert revealed(plain(), Response(500, (("Content-Type", "text/plain"),), message.encode())) == words


@pytest.mark.parametrize("name", ["", "user"])
def test_an_internal_detail_in_a_success_beside_the_images_breaks_iv_err_secrets(name: str) -> None:
    for message, what in LEAKS:
        body = json.dumps({"created": 1, "data": [], "debug": {name: message}}).encode()
        assert revealed(plain(), Response(200, JSON, body)) == [f"the 200 response reveals {what}"], message


@pytest.mark.parametrize("header", ["X-Debug-Exception-File: %2Fsrv%2Fx", f"X-Error: no access with {AWS_KEY}"])
def test_an_internal_detail_in_a_header_breaks_iv_err_secrets(header: str) -> None:
    name, _, value = header.partition(": ")
    assert len(revealed(plain(), Response(500, ((name, value),)))) == 1


@pytest.mark.parametrize(
    "message",
    [
        "See https://platform.example.com/docs/errors",
        "See https://example.com/tmp/errors/index.php, or http://10.0.0.9:8080/srv/docs/a.html.",
        "POST /v1/images/variations is not offered",
        "image/png, image/jpeg and application/x-www-form-urlencoded are not accepted",
        "Please select a smaller image from your files where size = 256x256 is not enough.",
        "Select an image from those where width = height.",
        "An unhandled exception occurred while processing the request.",
        "**Note** (Image) is required; ** (Image) too.",
        "Update your key, or set size = 256x256; delete from the form what is not needed.",
        "Insert into the form (image, n) values such as 1.",
        "Select a size from 256x256, 512x512",
        "1 validation error for n:\nInput should be 1.5\nto 10\nor less",
        "n must match ^[a-z]:\\d+\\.\\d+$",
        "The request was refused: size:256 is not allowed",
        "The server refused the connection to the model. Try again.",
        "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        "502 Bad Gateway nginx/1.25.3",
        "You can connect to api.example.com:443 with TLS.",
        "connect ECONNREFUSED 127.0.0.1:8000",
        "HTTPConnectionPool(host='localhost', port=8000): Max retries exceeded",
        "Cannot connect to localhost:8000",
        "Set the header to Authorization: Bearer $API_KEY, as in export API_KEY=sk-0123456789abcdef",
        "postgresql://app:***@db/images has a password that is hidden",
        "n: expected 1/10, and/or a/b; opt-in/opt-out, TCP/IP, 24/7",
        "No path: /data/0/url, /image, /error/message",
        "Error at 3:15, line 4",
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_a_message_without_internal_details_breaks_nothing(message: str, media_type: str) -> None:
    body = error(message).body if media_type == "application/json" else message.encode()
    assert revealed(plain(), Response(400, (("Content-Type", media_type),), body)) == []


@pytest.mark.parametrize(
    "value",
    [
        "../a.png",
        "C:\\a.png",
        "C:\\Users\\me\\a.png",
        "/etc/passwd",
        '../../etc/"pass\\wd"\t',
        "x'); INSERT INTO images (id) VALUES (1)",
        "1; SELECT * FROM images; UPDATE images SET a = 1",
        "https://me:secret@example.com/tmp/a.png",
        "connect ECONNREFUSED 10.0.3.17:6379",
        f"{AWS_KEY} DB_PASSWORD=hunter2",
        "/srv/app/a.py:3",
        "/srv/app/B\u00e4r",
    ],
)
@pytest.mark.parametrize("shown", ["{}", "{!r} is not valid.", 'There is no "{}"; send another.', "{}, n: wrong"])
def test_what_the_client_sent_may_be_quoted(value: str, shown: str) -> None:
    b = builder()
    quoted = error(shown.format(value), 400)
    in_header = Request("POST", "/v1/images/variations", (("X-Note", value),))
    named = b.form(b.image(filename=value))
    for request in (b.form(user=value), b.form(model=value), named, in_header):
        assert revealed(request, quoted) == []


def test_a_path_of_the_server_beside_one_that_the_client_sent_breaks_iv_err_secrets() -> None:
    request = builder().form(user="/etc/passwd")
    assert revealed(request, error("/etc/passwd is not /srv/media/a.png"))
    assert revealed(request, error("/srv/uploads/etc/passwd"))


@pytest.mark.parametrize("host", ["10.0.3.17:8000", "images.internal:8000", "localhost:8000"])
def test_the_address_under_test_is_no_secret_and_another_port_is(host: str) -> None:
    request = plain(builder(target=Target.parse(f"http://{host}/v1", KEY)))
    assert revealed(request, error(f"connect ECONNREFUSED {host}")) == []
    assert revealed(request, error(f"Connection to {host} refused")) == []
    assert revealed(request, error(f"connect ECONNREFUSED {host.replace('8000', '6379')}"))


def test_the_default_port_of_the_address_under_test_is_no_secret() -> None:
    request = plain(builder(target=Target.parse("http://images.internal/v1", KEY)))
    assert revealed(request, error("connect ECONNREFUSED images.internal:80")) == []
    assert revealed(request, error("connect ECONNREFUSED images.internal:6379"))


@pytest.mark.parametrize(
    "url",
    [
        f"https://bucket.example.com/tmp/a.png?X-Amz-Credential={AWS_KEY}%2F2024&X-Amz-Signature=abc",
        f"http://10.0.3.17:9000/srv/app/media/a.php?AWSAccessKeyId={AWS_KEY}&token=secret",
        "http://127.0.0.1:6379/home/me/out/a.png",
    ],
)
def test_a_link_to_an_image_is_no_internal_detail(url: str) -> None:
    body = json.dumps({"created": 1, "data": [{"url": url}], "next": url}).encode()
    assert revealed(plain(), Response(200, JSON, body)) == []
    assert revealed(plain(), Response(200, JSON, body.replace(b"/", b"\\/"))) == []
    assert revealed(plain(), Response(200, JSON, json.dumps([{"url": url}]).encode())) == []
    assert revealed(plain(), Response(302, (("Location", url),), b"")) == []


@pytest.mark.parametrize("location", ["/srv/out/a.png", "/home/me/a.php", "/app/login.php"])
def test_a_path_of_a_url_in_a_header_or_a_page_is_none_of_a_file(location: str) -> None:
    page = f'<a href="{location}">here</a><script src={location}></script>'.encode()
    assert (
        revealed(plain(), Response(302, (("Location", location), ("Set-Cookie", f"a=b; Path={location}")), page)) == []
    )


def test_an_image_in_base64_is_not_searched() -> None:
    image = base64.b64encode(random.Random(1).randbytes(300)).decode()
    for inside in (f"/{AWS_KEY}/", "//tmp/abc/", "//srv/app/main.py/"):
        text = image[:300] + inside + image[:300]
        for response in (error(text), Response(200, JSON, json.dumps([{"b64_json": text}]).encode())):
            assert revealed(plain(), response) == []


def test_a_long_hostile_text_is_searched_in_little_time() -> None:
    request = plain(builder(target=TARGET))
    started = time.monotonic()
    for part in (
        "a",
        "at ",
        "select ",
        "x://",
        "/opt/",
        "/srv/a",
        "C:\\a\\",
        "\n at a.",
        "host=a ",
        "connect to a.",
        "a=b; ",
    ):
        revealed(request, error(part * (65_000 // len(part))))
        revealed(
            request, Response(500, (("Content-Type", "text/plain"), ("X-A", part * 1000)), (part * 20_000).encode())
        )
    assert time.monotonic() - started < 20
