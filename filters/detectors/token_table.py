"""How providers write their tokens: a literal table of prefix, alphabet and length.

Sources: the providers' own documentation, named beside each; where a provider says nothing, the shape that secret
scanners of GitHub and Yelp document for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """One way a provider writes a token: RE2 of what comes before the random body, of the body, of what comes behind.

    least, most: length of the body. checksum: the body may end in its own CRC-32. cue: `prefix` only announces the
    token and is no part of it. keep: what is the same in every body. check: what else a body has to be.
    """

    prefix: str
    body: str
    least: int
    most: int
    suffix: str = ""
    checksum: bool = False
    cue: bool = False
    keep: str = ""
    check: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class TokenKind:
    """A kind of finding and the ways it is written."""

    kind: str
    summary: str
    hint: str
    tokens: tuple[Token, ...]
    hexadecimal: bool = False


def _is_discord(body: str) -> bool:
    """Three parts: the bot's number in base64 (24 to 26 characters), a time (6), a signature (27 to 38), mixed."""
    parts = body.split(".")
    tests = (str.isdigit, str.isupper, str.islower)
    return (
        [24 <= len(parts[0]) <= 26, len(parts[1]) == 6, 27 <= len(parts[2]) <= 38] == [True] * 3
        and all(any(map(test, parts[2])) for test in tests)
        and any(char.isdigit() or char.isupper() for char in parts[0][1:])
    )


def _is_sendgrid(body: str) -> bool:
    """A name of 22 characters and a secret of 43; some published examples are a few short."""
    first, _, second = body.partition(".")
    return len(first) == 22 and 39 <= len(second) <= 50


# Eight characters more than the prefix, so that a prefix in prose is no candidate.
_WORD, _URLSAFE, _HEX = "[A-Za-z0-9]{8}[A-Za-z0-9]+", "[A-Za-z0-9_-]+", "[0-9a-f]{8}[0-9a-f]+"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

TOKEN_KINDS = (
    TokenKind(  # docs.github.com, "About authentication to GitHub": prefixes; tokens may grow to 255 characters
        "github_token", "GitHub tokens, classic and fine-grained", "gh[pousr]_|github_pat_",
        (
            Token("gh[pousr]_", _WORD, 36, 251, checksum=True),
            Token("github_pat_", "[A-Za-z0-9_]+", 40, 244),
        ),
    ),
    TokenKind(  # docs.gitlab.com, "Token overview": prefixes
        "gitlab_token", "GitLab access, deploy, runner, trigger and feed tokens",
        "glpat-|gldt-|glcbt-|glft-|glrt-|glrtr-|glsoat-|glffct-|glimt-|glptt-|glagent-|gloas-|GR1348941",
        (
            Token("gl(?:pat|dt|cbt|ft|rt|rtr)-", r"[A-Za-z0-9_-]+(?:\.[0-9a-z.]+)?", 20, 64),
            Token("(?:glsoat|glffct)-", _URLSAFE, 20, 50),
            Token("glimt-", _URLSAFE, 25, 25),
            Token("glptt-", _URLSAFE, 40, 40),
            Token("glagent-", _URLSAFE, 50, 1024),
            Token("gloas-", _URLSAFE, 64, 64),
            Token("GR1348941", _URLSAFE, 20, 50),
        ),
    ),
    TokenKind(  # api.slack.com, "Token types"; "Sending messages using incoming webhooks"
        "slack_token", "Slack tokens and incoming webhooks", r"xox[abeoprs]-|xapp-|hooks\.slack\.com/",
        (
            Token("xox[abeoprs]-", "(?:[0-9]+-)+[A-Za-z0-9]+", 16, 250),
            Token("xapp-", "[0-9A-Za-z-]+", 40, 200),
            Token(r"https://hooks\.slack\.com/(?:services|workflows)/", "[A-Za-z0-9/]+", 40, 90),
        ),
    ),
    TokenKind(  # docs.stripe.com, "API keys": publishable keys (pk_) are public
        "stripe_key", "Stripe secret and restricted keys and webhook secrets", "[sr]k_(?:live|test)_|whsec_",
        (Token("[sr]k_(?:live|test)_", _WORD, 16, 250), Token("whsec_", "[A-Za-z0-9+/=]+", 24, 100)),
    ),
    TokenKind(  # cloud.google.com, "Manage API keys"; OAuth 2.0 client secrets
        "google_api_key", "Google API keys, OAuth client secrets and access tokens", r"AIza|GOCSPX-|ya29\.",
        (
            Token("AIza", _URLSAFE, 35, 35),
            Token("GOCSPX-", _URLSAFE, 28, 28),
            Token(r"ya29\.", _URLSAFE, 60, 2000),
        ),
    ),
    TokenKind(
        "openai_key", "OpenAI keys", "T3BlbkFJ",
        (Token("sk-(?:proj-|svcacct-|admin-|None-)?", f"{_URLSAFE}T3BlbkFJ{_URLSAFE}", 40, 250, keep="T3BlbkFJ"),),
    ),
    TokenKind(
        "anthropic_key", "Anthropic keys", "sk-ant-",
        (Token("sk-ant-[a-z]+[0-9]+-", _URLSAFE, 80, 120),),
    ),
    TokenKind(  # huggingface.co/docs, "User access tokens"
        "huggingface_token", "Hugging Face tokens", "hf_[A-Za-z]{8}|api_org_",
        (Token("(?:hf|api_org)_", "[A-Za-z]{8}[A-Za-z]+", 34, 34),),
    ),
    TokenKind(  # docs.npmjs.com; GitHub blog, "Announcing npm's new access token format" (2021)
        "npm_token", "npm access tokens, also the older ones behind _authToken", "npm_[A-Za-z0-9]{8}|_authToken",
        (
            Token("npm_", _WORD, 36, 36, checksum=True),
            Token("//[A-Za-z0-9.-]+/[A-Za-z0-9./-]*:_authToken ?= ?", _UUID, 36, 36, cue=True),
        ),
    ),
    TokenKind(  # pypi.org/help: a macaroon, base64 of its first fields is the same in all
        "pypi_token", "PyPI tokens, of pypi.org and test.pypi.org", "pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)",
        (Token("pypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)", _URLSAFE, 60, 1000),),
    ),
    TokenKind(
        "sendgrid_key", "SendGrid keys", r"SG\.[A-Za-z0-9_-]+\.",
        (Token(r"SG\.", rf"{_URLSAFE}\.{_URLSAFE}", 62, 73, check=_is_sendgrid),),
    ),
    TokenKind(
        "twilio_key", "Twilio API keys; account identifiers (AC) are no secret", "SK[0-9a-f]{8}",
        (Token("SK", _HEX, 32, 32),), hexadecimal=True,
    ),
    TokenKind(
        "mailchimp_key", "Mailchimp keys", "[0-9a-f]-us[0-9]",
        (Token("", _HEX, 32, 32, suffix="-us[0-9]{1,2}"),), hexadecimal=True,
    ),
    TokenKind("mailgun_key", "Mailgun keys", "key-[0-9a-f]{8}", (Token("key-", _HEX, 32, 32),), hexadecimal=True),
    TokenKind(  # developer.squareup.com, "Access tokens"
        "square_token", "Square access tokens and secrets", "sq0(?:csp|atp|idp)-|EAAA[A-Za-z0-9_-]{8}",
        (
            Token("sq0(?:csp|idp)-", r"[A-Za-z0-9_\\-]+", 43, 43),
            Token("sq0atp-", _URLSAFE, 22, 22),
            Token("EAAA", f"[A-Za-z0-9_-]{{8}}{_URLSAFE}", 60, 60),
        ),
    ),
    TokenKind(  # core.telegram.org/bots
        "telegram_token", "Telegram bot tokens", "[0-9]:AA[A-Za-z0-9_-]",
        (Token("[0-9]{8,10}:AA", _URLSAFE, 33, 33),),
    ),
    TokenKind(  # discord.com/developers, "API reference": base64 of the bot's number, a time, a signature
        "discord_token", "Discord bot tokens", r"[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]",
        (Token("", rf"[MNO][A-Za-z0-9_-]{{22,25}}\.[A-Za-z0-9_-]{{6}}\.{_URLSAFE}", 59, 72, check=_is_discord),),
    ),
    TokenKind(  # learn.microsoft.com, "Configure Azure Storage connection strings": 64 bytes in base64
        "azure_storage_key", "Azure storage account keys", "(?i)AccountKey ?=",
        (Token("(?i:AccountKey) ?= ?", "[A-Za-z0-9+/]+={0,2}", 88, 88, cue=True),),
    ),
    TokenKind(
        "digitalocean_token", "DigitalOcean tokens", "do[oprt]_v1_",
        (Token("do[oprt]_v1_", _HEX, 64, 64),), hexadecimal=True,
    ),
    TokenKind(
        "shopify_token", "Shopify tokens and secrets", "shp(?:at|ca|pa|ss|ua)_",
        (Token("shp(?:at|ca|pa|ss|ua)_", "[0-9a-fA-F]+", 32, 32),), hexadecimal=True,
    ),
    TokenKind(
        "databricks_token", "Databricks tokens", "dapi[0-9a-f]{8}",
        (Token("dapi", f"{_HEX}(?:-[0-9])?", 32, 34),), hexadecimal=True,
    ),
    TokenKind(
        "docker_token", "Docker Hub access tokens", "dckr_[op]at_",
        (Token("dckr_[op]at_", _URLSAFE, 27, 32),),
    ),
)  # fmt: skip
