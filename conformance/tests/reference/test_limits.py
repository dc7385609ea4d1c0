"""Hostile clients, large requests and disconnects do not harm the reference server."""

import logging
import socket
import subprocess
import sys
import textwrap
import time

import httpx
import pytest
from image_variations_conformance.reference.app.service import API_KEY
from image_variations_conformance.reference.app.serving import Running

PATH = "/images/variations"
HEAD = f"POST /v1{PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {API_KEY}\r\n".encode()
FORM = HEAD + b"Content-Type: multipart/form-data; boundary=b\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n'


def receive_until_close(connection: socket.socket) -> bytes:
    """Return all bytes received until the server closes the connection."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


@pytest.mark.parametrize("length", [1 << 30, 10**15])
def test_request_with_a_content_length_far_over_the_limit_gets_413_before_its_body_is_sent(
    server: Running, length: int
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(FORM + f"Content-Length: {length}\r\n\r\n".encode())
        response = b""
        while b"\r\n\r\n{" not in response:
            response += connection.recv(65536)
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in response


def test_request_with_a_wrong_key_that_expects_100_continue_gets_401_instead(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        head = FORM.replace(API_KEY.encode(), b"wrong")
        connection.sendall(head + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_request_with_a_valid_head_that_expects_100_continue_gets_it(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(FORM + b"Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"--b--")
        assert b"image is missing" in receive_until_close(connection)


@pytest.mark.parametrize("megabytes", [4, 5, 6, 20])
def test_ordinary_client_can_read_the_413_response_to_a_too_large_image(client: httpx.Client, megabytes: int) -> None:
    for _ in range(3):
        response = client.post(PATH, files={"image": bytes(megabytes * 1024 * 1024)})
        assert response.status_code == 413
        assert response.json()["error"]["message"]


def test_connection_can_be_reused_after_an_invalid_form(server: Running) -> None:
    body = PART + b"no image\r\n--b--"
    request = FORM + f"Content-Length: {len(body)}\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request + b"\r\n" + body + request + b"Connection: close\r\n\r\n" + body)
        assert receive_until_close(connection).count(b"HTTP/1.1 400 ") == 2


@pytest.mark.parametrize("sent_bytes", [b"", b"--b", PART, PART + b"\x89PNG"])
def test_client_that_disconnects_during_a_request_causes_no_log_records(
    server: Running, client: httpx.Client, caplog: pytest.LogCaptureFixture, sent_bytes: bytes
) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(FORM + b"Content-Length: 5000\r\n\r\n" + sent_bytes)
        time.sleep(0.05)
        assert client.post(PATH).status_code == 415
    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "python_multipart"))] == []


def test_endless_uploads_are_stopped_early_and_need_little_memory() -> None:
    """Run in a separate process, so that the memory measured is that of the server and one client."""
    program = f"""
        import resource, socket, sys
        from image_variations_conformance.reference.app.service import Service
        from image_variations_conformance.reference.app.serving import running
        FORM, PART, BLOCK = {FORM!r}, {PART!r}, bytes(1 << 20)

        def upload(port, framing, wrap):
            sent_bytes = 0
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(FORM + framing + wrap(PART))
                try:
                    for _ in range(1024):
                        connection.sendall(wrap(BLOCK))
                        sent_bytes += len(BLOCK)
                except OSError:
                    return sent_bytes
            return sent_bytes

        def chunk(data):
            return b"%x\\r\\n%b\\r\\n" % (len(data), data)

        def memory():
            kilobyte = 1 if sys.platform == "linux" else 1024
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // kilobyte

        with running(Service()) as server:
            upload(server.port, b"Content-Length: 60\\r\\n\\r\\n", lambda data: data[:60])
            before = memory()
            length = upload(server.port, b"Content-Length: 1073741824\\r\\n\\r\\n", bytes)
            endless = upload(server.port, b"Transfer-Encoding: chunked\\r\\n\\r\\n", chunk)
            unread = upload(server.port, b"Expect: 100-continue\\r\\nContent-Length: 1073741824\\r\\n\\r\\n", bytes)
            print(length >> 20, endless >> 20, unread >> 20, memory() - before >> 10)
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert process.stderr == ""
    *megabytes_sent, megabytes_of_memory = map(int, process.stdout.split())
    assert all(megabytes < 64 for megabytes in megabytes_sent)
    assert megabytes_of_memory < 32
