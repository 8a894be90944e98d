"""Detectors of secrets: tokens of providers, keys, credentials."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings

from filters.detectors.catalog import DETECTORS
from filters.detectors.dummies import is_dummy, looks_random
from filters.detectors.secrets import PASSWORDS, SECRETS
from filters.detectors.token_table import TOKEN_KINDS
from filters.detectors.tokens import has_checksum
from tests.detector_checks import ADVERSARIAL, any_noise, check_fake, check_found
from tests.detector_probe import findings, values
from tests.strategies import AWKWARD, texts
from tests.strategies_contact import SECRET_CASES, TOKEN_CASES

CASES = {**TOKEN_CASES, **SECRET_CASES}
ALL = (*SECRETS, *PASSWORDS)


def test_every_kind_of_token_has_cases():
    assert set(CASES) == {detector.kind for detector in ALL} and len(TOKEN_KINDS) == len(TOKEN_CASES)


@pytest.mark.parametrize("kind", CASES)
def test_a_valid_value_is_found_in_any_script(kind):
    check_found(DETECTORS[kind], CASES[kind], examples=12)


@pytest.mark.parametrize("kind", CASES)
def test_a_fake_is_another_value_of_the_same_shape(kind):
    check_fake(DETECTORS[kind], CASES[kind], examples=10)


@settings(max_examples=40)
@given(texts)
def test_any_text_is_searched_without_harm(text):
    for detector in ALL:
        findings(detector, text)


@pytest.mark.parametrize("detector", ALL, ids=lambda detector: detector.kind)
def test_awkward_and_adversarial_texts_end(detector):
    for text in [*AWKWARD, *ADVERSARIAL.values()]:
        findings(detector, text)


def test_a_right_checksum_stays_right():
    token = "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"  # published test token of detect-secrets
    assert has_checksum(token[4:])
    fake = DETECTORS["github_token"].fake(token, any_noise(b"\x01"))
    assert has_checksum(fake[4:]) and fake != token


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("github_token", "ghp_" + "x" * 36), ("github_token", "ghp_YOUR_TOKEN"), ("github_token", "ghp_" + "a1B2" * 8),
        ("github_token", "_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"), ("gitlab_token", "glpat_hellOworld380_testin"),
        ("gitlab_token", "glpat-short"), ("stripe_key", "pk_live_j5krY8XTgIcDaHDb3YrsAfCl"), ("stripe_key", "sk_live_"),
        ("sendgrid_key", "SG.ngeVfQFYQlKU0ufo8x5d1A..TwL2iGABf9DHoTf"), ("mailchimp_key", "3a5633e829d3c71-us2"),
        ("telegram_token", "arn:aws:sns:aaa:111122223333:aaaaaaaaaaaaaaaaaaassssssddddddddddddd"),
        ("pypi_token", "pypi-AgEIcHlwaS5vcmcCJDU3OTM1"), ("google_api_key", "AIzaSHORT"),
        ("openai_key", "sk-proj-Xi8tdMjHV6pmbBbwilTeT4BlbkFJ3UDnpdEwNNm6wVBpYM0o"), ("npm_token", "npm_config_cache"),
        ("npm_token", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}"), ("twilio_key", "SK" + "0" * 32),
        ("aws_access_key", "AKIAIOSFODNN7EXAMPLE"), ("aws_access_key", "akiazzzzzzzzzzzzzzzz"),
        ("aws_access_key", "XAKIAUS6QJP5M4UB7LDQD"),
        ("aws_secret_key", 'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"'),
        ("aws_secret_key", "export AWS_SECRET_ACCESS_KEY=${AWS_SECRET}"),
        ("aws_secret_key", "commit 13d18df955a638aa1f5fbbf84bf335635de464d8"),
        ("jwt", "eyJhbasdGciOiJIUaddasdasfsasdasdzI1NiIasdsInR5cCI6IkpXVCasdJasd9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc"),
        ("jwt", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"), ("jwt", "eyJBB.eyJCC.eyJDDDD"),
        ("basic_auth_header", "Basic authentication"), ("basic_auth_header", "Basic programming/course"),
        ("private_key", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----"),
        ("private_key", "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0B\n-----END CERTIFICATE-----"),
        ("private_key", "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"),
        ("private_key", "Look for -----BEGIN PRIVATE KEY----- in the file."),
        ("password_assignment", 'api_key = "YOUR_API_KEY"'), ("password_assignment", "token: <your-token-here>"),
        ("password_assignment", 'password: "********"'), ("password_assignment", "password = get_password(user)"),
        ("password_assignment", "token: of appreciation"), ("password_assignment", "password: request.form.password"),
        ("password_assignment", "secret=os.environ['SECRET_KEY1']"), ("password_assignment", 'password="password123"'),
        ("password_assignment", "'password' => '$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC'"),
        ("password_assignment", "?a=b&token=2133161636&lang=zh_CN#rd"), ("password_assignment", "密码：请输入您的密码"),
    ],
)  # fmt: skip
def test_what_is_no_secret(kind, text):
    assert values(DETECTORS[kind], text) == []


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("password_assignment", 'password: "gAMgCvp0U0#qYp"\n', ["gAMgCvp0U0#qYp"]),
        ("password_assignment", "DB_PASSWORD=gAMgCvp0U0#qYp\n", ["gAMgCvp0U0#qYp"]),
        ("password_assignment", "密码：gAMgCvp0U0qYp。", ["gAMgCvp0U0qYp"]),
        ("password_assignment", "api_key = 'e7c5c918fdc40762e6000542c0118f43'", ["e7c5c918fdc40762e6000542c0118f43"]),
        ("npm_token", "//registry.npmjs.org/:_authToken=743b294a-cd03-11ec-9d64-0242ac120002",
         ["743b294a-cd03-11ec-9d64-0242ac120002"]),
        ("slack_token", "xoxb-34532454-e039d02840a0b9379c", ["xoxb-34532454-e039d02840a0b9379c"]),
        ("basic_auth_header", "Authorization: Basic ZnZ2a3N0Onk4VEo0VW94MGU=\n", ["Basic ZnZ2a3N0Onk4VEo0VW94MGU="]),
    ],
)  # fmt: skip
def test_secrets_are_found_exactly(kind, text, found):
    assert values(DETECTORS[kind], text) == found


KEY = "\n".join(["MIIEowIBAAKCAQEAx7Q2kT0f9sLw3JbYvN8cRzUe5hGdPm4a"] * 3)


def test_private_keys_are_whole_blocks_and_each_its_own():
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----"
    assert values(DETECTORS["private_key"], f"见{block}，and then\n{block}\n") == [block, block]


def test_a_private_key_that_was_cut_is_found_to_its_last_line():
    cut = f"-----BEGIN PRIVATE KEY-----\n{KEY}"
    assert values(DETECTORS["private_key"], f"{cut}\n\nIt goes on. More text.") == [cut]


def test_a_private_key_in_a_string_is_found():
    block = "-----BEGIN PRIVATE KEY-----\\n" + KEY.replace("\n", "\\n") + "\\n-----END PRIVATE KEY-----"
    assert values(DETECTORS["private_key"], f'{{"private_key": "{block}\\n"}}') == [block]


def test_encrypted_tokens_have_five_parts():
    header = base64.urlsafe_b64encode(json.dumps({"alg": "dir", "enc": "A128GCM"}).encode()).decode().rstrip("=")
    token = f"{header}.aaaa.bbbb.cccc.dddd"
    assert values(DETECTORS["jwt"], token + ".") == [token]


def test_dummies():
    assert all(map(is_dummy, ["YOUR_API_KEY", "xxxxxxxx", "${TOKEN}", "<token>", "123456789", "abcdefgh", "changeme"]))
    assert not any(map(is_dummy, ["gAMgCvp0U0#qYp", "f64d36ad05e03d58"]))
    assert looks_random("f64d36ad05e03d58ed6e6827") and not looks_random("aaaabbbbaaaabbbb")
