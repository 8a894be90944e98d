"""Valid values of the contact, network and secret detectors, each with the words it needs before it."""

from __future__ import annotations

import base64
import json
import random
import string

from hypothesis import strategies as st

from filters.detectors.tokens import crc32_base62

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
Cases = st.SearchStrategy[tuple[str, str]]


def run(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet), min_size=least, max_size=most or least)


def random_run(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    """As a program draws it: hypothesis likes repetitions, which no random token has."""
    return st.builds(
        lambda seed, length: "".join(random.Random(seed).choices(alphabet, k=length)),
        st.integers(0, 2**64), st.integers(least, most or least),
    )  # fmt: skip


def plain(values: st.SearchStrategy[str]) -> Cases:
    return values.map(lambda value: ("", value))


def cued(cues: list[str], values: st.SearchStrategy[str]) -> Cases:
    return st.tuples(st.sampled_from(cues), values)


_name = st.builds(
    lambda first, sep, last: first + sep + last,
    run(LOWER + UPPER + "éüñ", 1, 12), st.sampled_from(["", ".", "_", "-", "+"]), run(LOWER + DIGITS, 1, 12),
)  # fmt: skip
_label = st.builds(lambda a, b: a + b, run(LOWER, 1), run(LOWER + DIGITS, 0, 12))
_top = st.sampled_from(["com", "org", "net", "de", "co.uk", "xn--p1ai", "museum"])
_domain = st.builds(lambda labels, top: ".".join([*labels, top]), st.lists(_label, min_size=1, max_size=3), _top)
emails = plain(st.builds("{}@{}".format, _name, st.one_of(_domain, _domain.map(str.upper), st.just("bücher.example"))))
emails_idn = plain(
    st.builds(
        "{}@{}".format,
        run(LOWER + DIGITS, 2, 10),
        st.sampled_from(["почта.рф", "例子.中国", "예.한국", "παράδειγμα.ευ"]),
    )
)
_at = st.sampled_from([" [at] ", "[at]", " (at) ", "{at}", " <at> ", " [AT] ", "[@]", "＠"])
_dot = st.sampled_from([" [dot] ", "[dot]", "(dot)", ".", " dot ", "{.}"])
obfuscated = plain(
    st.builds(lambda name, at, label, dot, top: name + at + label + dot + top, run(LOWER + DIGITS + "_", 3, 10), _at,
              run(LOWER, 2, 12), _dot, st.sampled_from(["com", "org", "de"]))
)  # fmt: skip

cn_mobiles = plain(
    st.builds(
        lambda head, rest, last: head + rest + last,
        st.sampled_from(["138", "139", "150", "177", "186", "199", "147", "166"]), run(DIGITS, 7), run("13579", 1),
    )
)  # fmt: skip

octet = st.integers(1, 254)
ipv4s = plain(
    st.builds(lambda first, *rest: ".".join(map(str, [first, *rest])), st.integers(32, 223), octet, octet, octet)
)
ipv4_ports = plain(st.builds(lambda case, port: f"{case[1]}:{port}", ipv4s, st.integers(1, 65535)))
_group = st.integers(0x1000, 0xFFFF).map("{:x}".format)
ipv6s = plain(
    st.one_of(
        st.lists(_group, min_size=8, max_size=8).map(":".join),
        st.builds(lambda a, b: f"2001:{':'.join(a)}::{':'.join(b)}", st.lists(_group, min_size=1, max_size=3),
                  st.lists(_group, min_size=1, max_size=2)),
        st.builds("fe80::{}:{}".format, _group, _group),
        st.builds("::ffff:{}.{}.{}.{}".format, octet, octet, octet, octet),
    ).filter(lambda value: any(char.isdigit() for char in value))
)  # fmt: skip
macs = plain(
    st.builds(lambda parts, sep: sep.join(parts), st.lists(run("0123456789abcdef", 2), min_size=6, max_size=6),
              st.sampled_from(":-"))
).filter(lambda case: len(set(case[1])) > 4 and any(char in "abcdef" for char in case[1]))  # fmt: skip

_secret = random_run(LOWER + UPPER + DIGITS, 10, 24)
urls = plain(
    st.builds(
        "{}://{}:{}@{}{}".format, st.sampled_from(["https", "http", "ftp", "ssh", "wss"]), run(LOWER, 2, 8), _secret,
        _domain, st.sampled_from(["", "/", "/path", ":8080/a/b?c=d", "/x#y"]),
    )
)  # fmt: skip
db_urls = plain(
    st.builds(
        "{}://{}:{}@{}{}".format,
        st.sampled_from(["postgres", "postgresql+psycopg2", "mysql", "mongodb+srv", "redis", "amqp"]),
        run(LOWER, 0, 8), _secret, _domain, st.sampled_from([":5432/db", "/db", "", "/db?ssl=true"]),
    )
)  # fmt: skip


def _b64(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


WORDS, URLSAFE, HEX = LOWER + UPPER + DIGITS, LOWER + UPPER + DIGITS + "_-", "0123456789abcdef"
jwts = plain(
    st.builds(
        lambda alg, sub, tail: f"{_b64({'alg': alg, 'typ': 'JWT'})}.{_b64({'sub': sub, 'iat': 1516239022})}.{tail}",
        st.sampled_from(["HS256", "RS256", "none"]), run(LOWER + "é", 1, 12), random_run(URLSAFE, 43),
    )
)  # fmt: skip
basics = plain(
    st.builds(
        lambda user, password: "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
        run(LOWER, 3, 8),
        _secret,
    )
)
_body = st.lists(random_run(WORDS + "+/", 64), min_size=2, max_size=6).map("\n".join)
private_keys = plain(
    st.builds(
        lambda label, body: f"-----BEGIN {label}PRIVATE KEY-----\n{body}\n-----END {label}PRIVATE KEY-----",
        st.sampled_from(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]), _body,
    )
)  # fmt: skip


def _summed(prefix: str) -> st.SearchStrategy[str]:
    return random_run(WORDS, 30).map(lambda body: prefix + body + crc32_base62(body))


def _prefixed(prefix: str, alphabet: str, least: int, most: int | None = None) -> Cases:
    return plain(random_run(alphabet, least, most).map(lambda body: prefix + body))


def _joined(*parts: st.SearchStrategy[str]) -> Cases:
    return plain(st.tuples(*parts).map("".join))


TOKEN_CASES: dict[str, Cases] = {
    "github_token": st.one_of(
        plain(_summed("ghp_")), _prefixed("gho_", WORDS, 36), _prefixed("github_pat_", WORDS, 82),
    ),
    "gitlab_token": _prefixed("glpat-", WORDS, 20),
    "slack_token": _joined(st.just("xoxb-"), random_run(DIGITS, 12), st.just("-"), random_run(WORDS, 24)),
    "stripe_key": st.one_of(_prefixed("sk_live_", WORDS, 24), _prefixed("rk_test_", WORDS, 24)),
    "google_api_key": _prefixed("AIza", WORDS, 35),
    "openai_key": _joined(st.just("sk-proj-"), random_run(WORDS, 20), st.just("T3BlbkFJ"), random_run(WORDS, 20)),
    "anthropic_key": _prefixed("sk-ant-api03-", WORDS, 95),
    "huggingface_token": _prefixed("hf_", LOWER + UPPER, 34),
    "npm_token": st.one_of(plain(_summed("npm_")), _prefixed("npm_", WORDS, 36)),
    "pypi_token": _prefixed("pypi-AgEIcHlwaS5vcmc", WORDS, 100),
    "sendgrid_key": _joined(st.just("SG."), random_run(WORDS, 22), st.just("."), random_run(WORDS, 43)),
    "twilio_key": _prefixed("SK", HEX, 32),
    "mailchimp_key": _joined(random_run(HEX, 32), st.just("-us12")),
    "mailgun_key": _prefixed("key-", HEX, 32),
    "square_token": _prefixed("sq0atp-", WORDS, 22),
    "telegram_token": _joined(random_run("123456789", 9), st.just(":AA"), random_run(WORDS, 33)),
    "discord_token": _joined(st.just("MT"), random_run(WORDS, 22), st.just("."), random_run(WORDS, 6), st.just("."),
                             random_run(WORDS, 38)),
    "azure_storage_key": cued(["AccountKey="], random_run(WORDS, 86).map(lambda body: body + "==")),
    "digitalocean_token": _prefixed("dop_v1_", HEX, 64),
    "shopify_token": _prefixed("shpat_", HEX, 32),
    "databricks_token": _prefixed("dapi", HEX, 32),
    "docker_token": _prefixed("dckr_pat_", WORDS, 27),
}  # fmt: skip

SECRET_CASES: dict[str, Cases] = {
    "private_key": private_keys,
    "jwt": jwts,
    "basic_auth_header": basics,
    "aws_access_key": _prefixed("AKIA", UPPER + "234567", 16),
    "aws_secret_key": cued(
        ["aws_secret_access_key = ", 'AWS_SECRET_ACCESS_KEY="', "secretAccessKey: '", '"SecretAccessKey": "'],
        random_run(WORDS + "/+", 40),
    ),
    "password_assignment": cued(
        ["password: ", "password=", "PASSWD = ", "'pwd' => ", "密码：", "пароль: "],
        random_run(WORDS, 12, 20).map(lambda value: value[:5] + "#7kT" + value[5:]),
    ),
}
_wechat_ids = st.builds("{}{}_{}".format, run(LOWER, 3, 6), run(DIGITS, 1, 3), run(LOWER, 3, 6))
_handles = st.builds("{}.{}{}".format, run(LOWER, 3, 8), run(LOWER, 3, 8), run(DIGITS, 1, 3))
CONTACT_CASES: dict[str, Cases] = {
    "email": st.one_of(emails, emails_idn),
    "email_obfuscated": obfuscated,
    "cn_mobile": cn_mobiles,
    "qq_number": cued(["QQ：", "QQ: ", "qq号", "QQ群：", "扣扣：", "QQ "], run("123456789", 5, 10)),
    "wechat_id": cued(["微信号：", "微信：", "WeChat ID: ", "加V："], _wechat_ids),
    "handle": cued(["skype: ", "Telegram: ", "twitter: ", "Instagram："], _handles),
}  # fmt: skip
NETWORK_CASES: dict[str, Cases] = {
    "ipv4": ipv4s,
    "ipv4_port": ipv4_ports,
    "ipv6": ipv6s,
    "mac": macs,
    "url_credentials": urls,
    "db_url": db_urls,
}
