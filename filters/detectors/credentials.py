"""Detectors `jwt`, `basic_auth_header` and `password_assignment`: credentials as programs write them down."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import re2

from filters.detectors.boundaries import continues, stands_alone
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import same_shape, until
from filters.detectors.dummies import bits_per_char, is_dummy


def _decoded(text: str) -> bytes:
    """Bytes of base64 or base64url, padded or not; none if it is neither."""
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _object(part: str) -> dict[str, Any]:
    """The JSON object in a part of a JWT; empty if there is none."""
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _prove_jwt(window: str, start: int, end: int) -> Spans:
    parts = window[start:end].split(".")
    header = _object(parts[0])
    if not isinstance(header.get("alg"), str):
        return
    # Five parts where it is encrypted (RFC 7516), else three, or two where it is not signed (RFC 7519).
    stop = start + len(".".join(parts[: 5 if "enc" in header else 3]))
    signed = "enc" in header or bool(_object(parts[1]))
    if signed and stands_alone(window, start, stop, "_-"):
        yield start, stop


def _fake_jwt(value: str, noise: Iterator[int]) -> str:
    """The same header; values of the payload and the signature change, characters by characters of their kind."""
    header, payload, *rest = value.split(".")
    claims = _decoded(payload)

    def make(stream: Iterator[int]) -> str:
        if _object(payload):
            made = _reshaped_values(claims.decode(), stream)
            body = base64.urlsafe_b64encode(made.encode()).decode().rstrip("=")
        else:
            body = same_shape(payload, stream)
        return ".".join([header, body, *(same_shape(part, stream) for part in rest)])

    return until(lambda made: [*_prove_jwt(made, 0, len(made))] == [(0, len(made))], make, value, noise)


_STRING = re2.compile(r'"[^"\\]*"(\s*:)?|[0-9]+')


def _reshaped_values(text: str, noise: Iterator[int]) -> str:
    """JSON text with other values under the same names; a number keeps its first digit, for it may not become 0."""
    parts, last = [], 0
    for found in _STRING.finditer(text):
        whole = found.group()
        name = found.group(1) is not None
        made = whole if name else whole[:1] + same_shape(whole[1:], noise)
        parts += [text[last : found.start()], made]
        last = found.end()
    return "".join([*parts, text[last:]])


JWT = Detector(
    kind="jwt",
    group="secret",
    summary="JSON web tokens: a header that decodes to JSON with `alg`",
    pattern=r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+",
    hint=r"eyJ[A-Za-z0-9_-]+\.",
    prove=_prove_jwt,
    proof="header-json",
    placeholder="<JWT>",
    fake=_fake_jwt,
)


def _user_and_password(text: str) -> tuple[str, str] | None:
    """`user:password` of a Basic header (RFC 7617), if that is what the base64 holds."""
    try:
        user, colon, password = _decoded(text).decode().partition(":")
    except UnicodeDecodeError:
        return None
    good = bool(colon) and (user + password).isprintable() and len(user) + len(password) >= 4
    return (user, password) if good else None


def _prove_basic(window: str, start: int, end: int) -> Spans:
    _, _, encoded = window[start:end].partition(" ")
    pair = _user_and_password(encoded.strip())
    if (
        pair
        and not is_dummy(pair[1])
        and not continues(window, start - 1, "_-")
        and not continues(window, end, "+/=_-")
    ):
        yield start, end


def _fake_basic(value: str, noise: Iterator[int]) -> str:
    scheme, _, encoded = value.rpartition(" ")
    plain = _decoded(encoded).decode()

    def make(stream: Iterator[int]) -> str:
        return f"{scheme} {base64.b64encode(same_shape(plain, stream).encode()).decode()}"

    return until(lambda made: [*_prove_basic(made, 0, len(made))] == [(0, len(made))], make, value, noise)


BASIC_AUTH_HEADER = Detector(
    kind="basic_auth_header",
    group="secret",
    summary="`Basic` credentials of HTTP that decode to user and password",
    pattern=r"(?:Basic|basic|BASIC) +[A-Za-z0-9+/]{8}[A-Za-z0-9+/]*={0,2}",
    hint=r"[Bb][Aa][Ss][Ii][Cc] +[A-Za-z0-9+/]{8}",
    prove=_prove_basic,
    proof="base64-user-password",
    placeholder="<BASIC_AUTH>",
    fake=_fake_basic,
)

_CUE = (
    r"(?i:passwords?|passwd|passwort|passphrase|pass_?word|pwd|secret(?:[_-]?key)?|apikey"
    r"|(?:api|auth|access|private|encryption)[_-]?key|(?:auth|access|api|bearer|refresh|bot)?[_-]?token"
    r"|contraseña|senha|mot de passe|wachtwoord|hasło|пароль|密码|密碼|口令|パスワード|비밀번호|암호"
    r"|كلمة المرور|รหัสผ่าน)"
)
_ASSIGN = r"[\"'`\]]{0,2} ?(?:=>|:=|[:=：]|是|为|為|は) ?"
_VALUE = r"(?:\"[!#-~]+\"|'[!-&(-~]+'|`[!-_a-~]+`|[!#-&(-+./0-~-]+)"
_SPLIT = re2.compile(rf"{_CUE}{_ASSIGN}({_VALUE})$")
_STRONG_CUE = re2.compile(r"(?i)^(?:pass|pwd|contra|senha|mot de|wacht|has|парол|密|口令|パス|비밀|암호|كلمة|รหัส)")
_IDENTIFIER = re2.compile(r"^[$@&*]?[A-Za-z_][A-Za-z_]*(?:[.\[(:>-][\[\]()A-Za-z_.:>'\"-]*)?[0-9]{0,4}$")
_LIKE_CODE = re2.compile(
    r"[()\[\]{}<>]|::|->|\.\.|://|^[./~$%@&]|\\[ntr\"']|^[A-Za-z_]+\.[A-Za-z_]+|^\d+(?:\.\d+)*$|^#[0-9a-fA-F]+$"
)
_NEXT = re2.compile(r"[&,;|<]")
_LEAST_VALUE, _MOST_VALUE = 8, 128
# Unix password hashes ($2y$, $6$, $argon2id$) are no passwords; digests and packages name themselves.
_HASHED = re2.compile(r"^(?:\$[0-9a-z]+\$|sha[0-9]+[-:]|md5[-:]|\{[A-Z]+\}|pbkdf2)")


def _classes(value: str) -> int:
    tests = (
        str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum() and char not in "_.-/",
    )  # fmt: skip
    return sum(any(map(test, value)) for test in tests)


def _is_password(value: str, quoted: bool, strong: bool) -> bool:
    """Whether a value is a secret of a program or a person rather than a word, a name in code or a placeholder.

    It has three of four kinds of character and at least 3 bits a character, or, behind `key` and `token`, is 20
    hexadecimal digits and more.
    """
    if not _LEAST_VALUE <= len(value) <= _MOST_VALUE or is_dummy(value) or _HASHED.search(value):
        return False
    if _IDENTIFIER.match(value) or (_LIKE_CODE.search(value) and not (quoted and strong and _classes(value) == 4)):
        return False
    if bits_per_char(value) < (2.75 if strong else 3.0):
        return False
    if strong:
        return _classes(value) >= 3 and (quoted or any(map(str.isdigit, value)))
    return any(map(str.isdigit, value)) and len(value) >= 16 and (_classes(value) >= 3 or len(value) >= 20)


def _prove_password(window: str, start: int, end: int) -> Spans:
    found = window[start:end]
    parts = _SPLIT.match(found)
    if parts is None:
        return
    value, first = parts.group(1), start + parts.start(1)
    quoted = value[0] in "\"'`" and value[-1] == value[0] and len(value) > 1
    if quoted:
        inner = value.strip("\"'`")
        value, first = inner, first + value.index(inner)
    else:
        # In a URL or a list the next name follows.
        value = _NEXT.split(value)[0].rstrip(".,;:!?)]}")
    strong = bool(_STRONG_CUE.search(found))
    if _is_password(value, quoted, strong):
        yield first, first + len(value)


def _fake_password(value: str, noise: Iterator[int]) -> str:
    def accept(made: str) -> bool:
        return _is_password(made, quoted=True, strong=True) and _is_password(made, quoted=False, strong=False) >= (
            _is_password(value, quoted=False, strong=False)
        )

    return until(accept, lambda stream: same_shape(value, stream), value, noise)


PASSWORD_ASSIGNMENT = Detector(
    kind="password_assignment",
    group="secret",
    summary="values assigned to a password, key or token; not placeholders and not names in code",
    pattern=f"{_CUE}{_ASSIGN}{_VALUE}",
    hint=f"{_CUE}{_ASSIGN}",
    prove=_prove_password,
    proof="cue+entropy",
    placeholder="<PASSWORD>",
    fake=_fake_password,
)
