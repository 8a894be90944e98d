"""Detectors `url_credentials` and `db_url`: addresses that carry a user's name and password before the `@`.

RFC 3986 section 3.2.1 (userinfo); connection strings as PostgreSQL, MySQL, MongoDB, Redis and AMQP clients take them.
Names that documentation writes in a password's place (`user:password@host`) are no finding.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import same_shape, until
from filters.detectors.dummies import is_dummy

_DATABASES = (
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|oracle|clickhouse|cockroachdb|couchdb"
    r"|cassandra|neo4j|bolt|snowflake|redshift|db2|memcached|nats|kafka|vertica|trino|presto)(?:\+[a-z0-9_]+)?"
)
# ASCII as the RFC has it, or letters as browsers take them; then without a full stop, or what stands behind the host
# of a URL in a script without spaces, and a colon, would be a user: `http://example.org联系:`.
_USER = r"(?:[A-Za-z0-9._~%!$&()*+,;=-]*|[\p{L}\p{M}\p{N}_+-]+)"
# ASCII without white space, quotes, `/`, `<`, `>` and `@`: what a password in a URL is made of, never Han.
_PASSWORD = r"[!#-&(-.0-;=?A-Z\[-~]"
_HOST = r"[A-Za-z0-9.:_,\[\]-]"
_REST = r"[!#-&(-;=?-Z\[-_a-z{|}~@]"
_PARTS = re2.compile(rf"^([A-Za-z][A-Za-z0-9+.-]*)://({_USER}):({_PASSWORD}+)@({_HOST}+)((?:[/?#]{_REST}*)?)$")
_DATABASE = re2.compile(rf"(?i)^{_DATABASES}$")
# What documentation writes for a password.
_WORDS = frozenset((
    "pass", "passwd", "password", "pw", "pwd", "pword", "secret", "token", "x-token", "user", "username",
    "userpass", "mypass", "mypassword", "my-password", "p", "pas", "passw0rd", "psw", "key", "apikey", "port",
    "hostname", "host", "name", "login", "root", "admin", "pass123", "password123", "foo", "bar", "baz",
    "contraseña", "senha", "x", "xx", "xxx",
))  # fmt: skip


def _is_placeholder(password: str) -> bool:
    return password.lower() in _WORDS or is_dummy(password) or len(password) < 3 or password[0] in "$%{[:"


def _prove(window: str, start: int, end: int, database: bool) -> Spans:
    found = window[start:end].rstrip(".,;:!?)]}'*|&")
    # A letter right before the scheme belongs to another word; Han does not.
    parts = _PARTS.match(found)
    if parts is None or continues(window, start - 1, "_"):
        return
    scheme, _, password, host, _ = parts.groups()
    if bool(_DATABASE.match(scheme)) == database and not _is_placeholder(password) and any(map(str.isalnum, host)):
        yield start, start + len(found)


def _prove_url(window: str, start: int, end: int) -> Spans:
    return _prove(window, start, end, database=False)


def _prove_database(window: str, start: int, end: int) -> Spans:
    return _prove(window, start, end, database=True)


def _fake(value: str, noise: Iterator[int]) -> str:
    """Another user, password, host and path; the scheme, the port and the top-level domain stay."""
    scheme, user, password, host, rest = _PARTS.match(value).groups()
    cut = host.rfind(".") if host.rfind(".") > 0 else 0
    database = bool(_DATABASE.match(scheme))

    def make(stream: Iterator[int]) -> str:
        reshaped = same_shape(host[:cut], stream) + host[cut:]
        secret = f"{same_shape(user, stream)}:{same_shape(password, stream)}"
        return f"{scheme}://{secret}@{reshaped}{same_shape(rest, stream)}"

    return until(lambda made: [*_prove(made, 0, len(made), database)] == [(0, len(made))], make, value, noise)


_TAIL = rf"://{_USER}:{_PASSWORD}+@{_HOST}+(?:[/?#]{_REST}*)?"

URL_CREDENTIALS = Detector(
    kind="url_credentials",
    group="secret",
    summary="URLs with a user's name and password",
    pattern=rf"[A-Za-z][A-Za-z0-9+.-]*{_TAIL}",
    hint=rf"://{_USER}:{_PASSWORD}+@",
    prove=_prove_url,
    proof="userinfo",
    placeholder="<URL_CREDENTIALS>",
    fake=_fake,
)

DB_URL = Detector(
    kind="db_url",
    group="secret",
    summary="connection strings of databases and queues with a password",
    pattern=rf"(?i:{_DATABASES}){_TAIL}",
    hint=rf"://{_USER}:{_PASSWORD}+@",
    prove=_prove_database,
    proof="userinfo+scheme",
    placeholder="<DB_URL>",
    fake=_fake,
)
