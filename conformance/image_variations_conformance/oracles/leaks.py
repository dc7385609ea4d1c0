"""Finds internal details of a server in a text: stack traces, credentials, SQL, internal addresses and file paths."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote_to_bytes

from ..wire.exchange import Request

_MOST_MATCHES = 20
"""How many different matches of a pattern are compared with the request, which may be large."""

_INTERNAL = (
    r"(?:(?:(?:10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}|localhost"
    r"|[a-z][\w-]{0,60}(?:\.[\w-]{1,60}){0,6}\.(?:internal|local|lan|svc))(?![\w.-]))"
)
# The name of a host of one word, as of containers.
_HOST = rf"(?:{_INTERNAL}|[a-z][\w-]{{0,60}}(?![\w.-]))"

# Each pattern must take linear time, because the server controls the text. Where it has groups, they are what a client
# may have sent itself; otherwise the whole match is. What is worst to reveal comes first.
_LEAKS = (
    ("a private key", r"-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY"),
    # A masked password is none.
    (
        "a connection string with a password",
        r"(?i)\b[a-z][a-z\d+.-]{1,30}://[^\s:/?#@\"'<>]{0,100}:(?![*x]+@)[^\s/@\"'<>]{1,200}@[\w\[]",
    ),
    (
        "a connection string with a password",
        r"(?i)\b(?:server|host|data source|user(?: id)?|uid)\s?=[^;=\n]{1,200};(?:[\w ]{1,30}=[^;=\n]{1,200};){0,8}"
        r"\s?(?:password|pwd)\s?=[^\s;*]|\b(?:host|user)=\S{1,100} (?:\w{1,30}=\S{1,100} ){0,8}password=[^\s*]",
    ),
    ("a connection string with a password", r"\b\w{1,60}:(?![*x]+@)[^\s:@/\"']{1,200}@(?:tcp|unix)\("),
    # The keys of AWS are in the query of signed links, too.
    ("a credential of a cloud", r"(?<!Credential=)(?<!AccessKeyId=)\b(?:AKIA|ASIA)[A-Z\d]{16}\b"),
    ("a credential of a cloud", r"\b(?:AIza[\w-]{35}|gh[pousr]_\w{36}|hf_[A-Za-z]{30,40}|sk_live_\w{20,100})\b"),
    (
        "a secret of its environment",
        r"(?i)\b(?:aws_secret_access_key|aws_session_token|azure_client_secret|azure_storage_key|database_url|redis_url"
        r"|(?:db|database|postgres|mysql|mysql_root|redis|mongo)_password|pgpassword|secret_key_base|jwt_secret)"
        r"(?:\s?=\s?[\"']?|[\"']\s?(?::|=>)\s?[\"'])[^\s\"'<>${}*]{4}",
    ),
    ("an SQL statement", r"(?i)\binsert into [\"`\[]?[\w.\"`]{1,100}\]? ?\([^()\n]{1,400}\)\s?values\b"),
    # In lower case, words of English, too.
    ("an SQL statement", r"\bSELECT [^\n]{1,400}?\sFROM \S{1,100}\sWHERE \S"),
    (
        "an SQL statement",
        r"(?i)\bselect [^\n]{1,400}?\sfrom \S{1,100} where \S{1,100} (?:=|in) \(?(?:\?|\$\d|%s|:\w|')",
    ),
    ("an SQL statement", r"(?i)\bselect \* from \S"),
    ("an SQL statement", r"\bSELECT [\"`\[]?\w{1,60}[\"`\]]?\.[\"`\[]?[\w*][^\n]{0,400}?\sFROM\s"),
    ("an SQL statement", r"\bUPDATE [\w.\"`\[\]]{1,100} SET |(?i:\bupdate [\"`]\w{1,60}[\"`] set [\"`])"),
    ("an SQL statement", r"\bDELETE FROM [\w.\"`\[\]]{1,100}|(?i:\bdelete from [\"`]\w)"),
    (
        "an error of its database",
        r"\bSQLSTATE\b|\bORA-\d{5}\b|\bSQLITE_[A-Z]{3,20}\b|\bER_[A-Z]{2,20}_[A-Z_]{2,60}\b|\bE11000 duplicate key"
        r"|You have an error in your SQL syntax|\bno such (?:table|column): \w|\bInvalid `prisma\."
        r"|\brelation \S{1,100} does not exist|\bviolates (?:unique|foreign key|not-null|check) constraint"
        r"|\bIncorrect syntax near '|\bUnclosed quotation mark after the character string"
        r"|\b(?:sqlite3|psycopg2?(?:\.errors)?|asyncpg\.exceptions|pymysql\.err|sqlalchemy\.exc)\.[A-Z]\w"
        r"|\b(?:PG|Mysql2|SQLite3|ActiveRecord)::[A-Z]\w",
    ),
    ("a Python traceback", r"Traceback (?:<em>)?\(most recent call |File \"[^\"]+\", line \d+"),
    ("a memory address", r"\bat 0x[0-9a-fA-F]{6,16}\b|<[\w.]+ object at "),
    ("a JavaScript stack", r"\n\s{1,40}at [^\n]+[\\/][^\s:/\\]+:\d+:\d"),
    ("a Java stack", r"\bat [\w$./@]+\([\w$]+\.(?:java|kts?|scala|groovy|clj):\d+\)"),
    ("a .NET stack", r"\bat [\w.<>`,+|$\[\]]{3,300}\([^()\n]{0,300}\) in [^\n]{1,300}?:line \d"),
    # Of .NET without symbols and of native methods of Java, with no file.
    ("a stack trace", r"\n\s{1,40}at (?=[\w$/<>`+|@]{1,100}\.)[\w$./<>`+|@]{3,300}\([^()\n]{0,300}\)"),
    (
        "an exception of its runtime",
        r"\b(?:System|Microsoft|javax?|jakarta|kotlin|org\.springframework|com\.fasterxml)\.(?:\w{1,60}\.){0,8}"
        r"\w{1,60}(?:Exception|Error): ",
    ),
    (
        "a Go or Rust panic",
        r"goroutine \d+ \[|panicked at |\bcalled `(?:Result|Option)::\w{1,20}\(\)` on "
        r"|\bruntime error: (?:invalid memory|index out of|slice bounds|integer divide)",
    ),
    ("a PHP stack", r"\bStack trace:\s{1,4}#0 |<b>Fatal error</b>: "),
    ("a Ruby stack", r"\.(?:rb|ru):\d+:in\b"),
    ("a Perl stack", r"\bat (?:\S{1,200}\.(?:p[lm]|t|psgi|cgi)|\(eval \d+\)) line \d"),
    ("a Lua stack", r"\bstack traceback:\s|\.lua:\d+: "),
    (
        "an Elixir or Erlang stack",
        r"\*\* \((?:(?:\w{1,60}\.){0,6}\w{0,60}Error|exit)\) |\.exs?:\d+: |\{file,\s?\"[^\"\n]{1,200}\.[eh]rl\"\}",
    ),
    ("a crash of Swift", r"\.swift:\d+: Fatal error|\bFatal error: [^\n]{1,300}\.swift, line \d"),
    (
        "a failed assertion",
        r"\bAssertion [`'][^\n]{1,300}' failed|\bAssertion failed: [^\n]{1,300}\bline \d"
        r"|\bterminate called after throwing|\bException raised from \w{1,60} at ",
    ),
    (
        "a debug page",
        r"\b(?:have|because) (?:<code>)?DEBUG = True|\bWerkzeug Debugger\b|\bAction Controller: Exception caught"
        r"|\bRails\.root: |(?i:\bx-debug-exception(?:-file)?: )|\bxdebug-error\b"
        r"|\b(?:Illuminate|Symfony|Doctrine)(?:\\\w+){2}",
    ),
    ("a process id", r"\bpid[ =:]+\d+"),
    ("an internal address", r"\bHTTPS?Connection(?:Pool)?\(host='([^'\n]{1,100})', port=(\d+)"),
    (
        "an internal address",
        r"\b(?:ECONN[A-Z]{3,10}|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH) ([\w.:\[\]-]{1,100}:\d{2,5})\b"
        r"|\bgetaddrinfo (?:ENOTFOUND|EAI_AGAIN) [\w.-]{1,100}",
    ),
    (
        "an internal address",
        r"\b(?:dial|read|write) (?:tcp|udp)[46]? ([\w.:\[\]-]{1,100}:\d{2,5})\b|\bdial tcp: lookup \S",
    ),
    (
        "an internal address",
        rf"(?i)\bconnect(?:ed|ing|ions?)? to (?:host |server at )?\"?(?:\w{{1,10}}://|[\w.-]{{0,100}}/)?({_HOST})\"?"
        r"(?::|,? port )(\d{2,5})\b",
    ),
    (
        "an internal address",
        rf"(?i)\brefused(?: it)?[.:,]? \(?(?:[\w.-]{{0,100}}/)?({_INTERNAL}):(\d{{2,5}})\b"
        rf"|\b({_HOST}):(\d{{2,5}}): \[Errno|\bConnect call failed \('([^'\n]{{1,100}})', (\d+)\)",
    ),
    (
        "an internal address",
        r"\bconnect to MySQL server on '[^'\n]{1,100}'|\bAccess denied for user '[^'\n]{1,100}'@'"
        r"|\bupstream: \"\w{1,10}://([^/\"\s]{1,100})|\berror sending request for url \(\w{1,10}://([^/)\s]{1,100})",
    ),
)
_PATHS = (
    (
        "the path of a source file",
        r"(?:(?<![\w.@/-])[\w.@-]*|(?<=/))(?:/[\w.@-]+){2,}"
        r"\.(?:py|[cm]?js|tsx?|go|rs|rb|php|java|kt|cs|cpp|cc|exs?|erl|lua|p[lm]|swift)\b",
    ),
    (
        "a file path of the server",
        r"(?:(?<![\w.~%/@\]-])|(?<=file://))/(?:(?:srv|tmp|etc|opt|root|proc|mnt|private|dev/shm|nix/store"
        r"|usr/(?:src|share|lib|local|bin)|var/(?:www|lib|log|tmp|run|task|cache|spool|folders|opt|app)"
        r"|(?:home|Users)/[\w.-]{1,60})/[\w.@~+/-]*[\w~]|(?:app|workspace)/(?:[\w.@+-]+/)*[\w.@+-]*\w\.\w{1,5}\b)",
    ),
    # With a folder that each Windows has, or with a name of a file, since a backslash is in other texts, too.
    (
        "a file path of the server",
        r"(?<![A-Za-z\d])[A-Za-z]:[\\/](?:(?i:Users|Windows|inetpub|Program ?Files(?: \(x86\))?|ProgramData|xampp)[\\/]"
        r"(?:[\w .()$~-]{1,60}[\\/])*[\w.$~-]*\w|(?<=\\)[\w.$~-][\w .()$~-]{1,60}\\(?:[\w .()$~-]{1,60}\\)*"
        r"[\w$~-][\w.$~-]{0,60}\.\w{1,5}\b)",
    ),
)
# The path of a URL is none of a file.
_REFERENCE = re.compile(r"\bhttps?://[^\s\"'<>]*|\b(?:href|src|action)\s?=\s?[\"']?[^\s\"'<>]*", re.IGNORECASE)
# An image in base64 may hold any letters.
_BASE64 = re.compile(r"(?<![\w+/=\\-])[\w+/=\\-]{200,}")
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def leak_in_body(text: str, request: Request) -> str | None:
    """Return what a text of a body reveals of the server that the request did not say, or None."""
    text = html.unescape(_BASE64.sub(" ", text))
    return _first(_LEAKS, text, request) or _first(_PATHS, _REFERENCE.sub(" ", text), request)


def leak_in_head(text: str, request: Request) -> str | None:
    """Return what headers reveal of the server that the request did not say, or None.

    No paths: those of headers such as Location are of URLs.
    """
    return _first(_LEAKS, text, request)


def unescaped(text: str) -> str:
    """Return a JSON text with the characters that its escapes stand for, and below it those of JSON within JSON."""
    once = _JSON_ESCAPE.sub(_character, text)
    return f"{once}\n{_JSON_ESCAPE.sub(_character, once)}" if "\\" in once else once


def _character(escape: re.Match[str]) -> str:
    code, letter = escape.groups()
    return chr(int(code, 16)) if code is not None else _CONTROLS.get(letter, letter)


def _first(patterns: tuple[tuple[str, str], ...], text: str, request: Request) -> str | None:
    sent: bytes | None = None
    for what, pattern in patterns:
        for shown in islice(dict.fromkeys(_matches(pattern, text)), _MOST_MATCHES):
            sent = _sent(request) if sent is None else sent
            if _plain(shown.encode("utf-8", "replace")) not in sent:
                return what
    return None


def _matches(pattern: str, text: str) -> Iterator[str]:
    for match in re.finditer(pattern, text):
        yield ":".join(group for group in match.groups() if group is not None) or match[0]


def _sent(request: Request) -> bytes:
    """Return all that a response may quote, and the other names of the address that the request was sent to."""
    host = request.header("host") or ""
    name, _, port = host.rpartition(":")
    addresses = [f"{host}:80", f"{host}:443", *(f"{other}:{port}" for other in _LOOPBACK if name in _LOOPBACK)]
    trailers = [f"{name}: {value}" for name, value in request.trailers]
    texts = "\n".join([*addresses, *trailers]).encode("utf-8", "surrogateescape")
    return _plain(b"\n".join([request.head(), request.body, texts]))


def _plain(text: bytes) -> bytes:
    """Return a text without what differs between the ways to quote it."""
    return unquote_to_bytes(text).lower().translate(None, b"\\\"'/ \t")
