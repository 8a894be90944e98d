"""Detectors `qq_number`, `wechat_id` and `handle`: names in messengers, only behind a word that says which one."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from filters.detectors.boundaries import continues
from filters.detectors.contract import Detector, Spans
from filters.detectors.disguise import pick, same_shape, until

# QQ numbers have 5 to 11 digits and do not begin with 0.
_QQ_VALUE = re2.compile(r"[1-9][0-9]{4,10}$")


def _prove_qq(window: str, start: int, end: int) -> Spans:
    value = _QQ_VALUE.search(window[start:end])
    if value and not continues(window, start - 1) and not continues(window, end, "._-"):
        yield start + value.start(), end


def _fake_digits(value: str, noise: Iterator[int]) -> str:
    return until(bool, lambda stream: pick("123456789", stream) + same_shape(value[1:], stream), value, noise)


QQ_NUMBER = Detector(
    kind="qq_number",
    group="contact",
    summary="QQ numbers behind the word QQ",
    pattern=r"(?:[QqＱ]{2}|[扣抠]{2})(?:交流群|群)?(?:[号號][码碼]?(?: ?[:：=是为] ?| )?| ?[:：=是为] ?| )[1-9][0-9]+",
    hint=r"(?:[QqＱ]{2}|[扣抠]{2})[群号號交 :：=是为]",
    prove=_prove_qq,
    proof="cue+length",
    placeholder="<QQ>",
    fake=_fake_digits,
)

# Tencent: 6 to 20 letters, digits, `_` or `-`, a letter first; `wxid_` and 14 characters where none was chosen.
_WECHAT_VALUE = re2.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}$")
_WECHAT_CUE = (
    r"(?:微信号|微信號|微信ID|微信id|微信|WeChat ID|Wechat ID|wechat id|WeChat|wechat|加[VvWw]信?|[VvWw][Xx信])"
)
_SAYS = r"(?: ?[:：=是为] ?| )"


def _prove_wechat(window: str, start: int, end: int) -> Spans:
    found = window[start:end]
    value = _WECHAT_VALUE.search(found)
    if value is None or continues(window, end, "_-.@/(") or continues(window, start - 1):
        return
    name, cue = value.group(), found[: value.start()]
    # `微信: JavaGuide` names a channel or a program; a person's name there has a digit or the cue says number.
    if "号" in cue or "號" in cue or "id" in cue.lower() or any(char.isdigit() or char == "_" for char in name):
        yield start + value.start(), end


def _fake_name(value: str, noise: Iterator[int]) -> str:
    keep = len("wxid_") if value.startswith("wxid_") else 0
    return until(bool, lambda stream: value[:keep] + same_shape(value[keep:], stream), value, noise)


WECHAT_ID = Detector(
    kind="wechat_id",
    group="contact",
    summary="WeChat names behind the word WeChat",
    pattern=rf"{_WECHAT_CUE}{_SAYS}[A-Za-z][A-Za-z0-9_-]+",
    hint=(
        rf"微信(?:号|號|ID|id)?{_SAYS}[A-Za-z]|[Ww]e[Cc]hat(?: ID| id)?{_SAYS}[A-Za-z]|加[VvWw]信?{_SAYS}[A-Za-z]"
        rf"|[VvWw][Xx]{_SAYS}[A-Za-z]|[VvWw]信{_SAYS}[A-Za-z]"
    ),
    prove=_prove_wechat,
    proof="cue+shape",
    placeholder="<WECHAT>",
    fake=_fake_name,
)

_HANDLE_VALUE = re2.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_.-]{2,31}$")
_HANDLE_CUE = (
    r"(?i:(?:skype|telegram|twitter|tweeter|tweet at|instagram|discord|snapchat|line id|weibo)"
    r"(?: (?:id|name|handle|account|user ?name))?)"
)
_CALLED = r"(?: ?[:：(=] ?| is | )"


def _prove_handle(window: str, start: int, end: int) -> Spans:
    found = window[start:end].rstrip(".-")
    value = _HANDLE_VALUE.search(found)
    stop = start + len(found)
    if value is None or continues(window, start - 1) or continues(window, stop, "@/("):
        return
    name = value.group()
    announced = found[: value.start()].rstrip()[-1:] in (":", "：", "(", "=")
    # A plain word behind the network's name may be any word; a dot, a digit or `_` makes it somebody's.
    chosen = any(map(str.isalpha, name)) and not name.replace("-", "").isalpha()
    if name.startswith("@") or (announced and chosen):
        yield start + value.start(), stop


HANDLE = Detector(
    kind="handle",
    group="contact",
    summary="names in messengers and networks behind the network's name, as `skype: some.body`",
    pattern=rf"{_HANDLE_CUE}{_CALLED}@?[A-Za-z0-9_][A-Za-z0-9_.-]+",
    hint=rf"{_HANDLE_CUE}{_CALLED}@?[A-Za-z0-9_]",
    prove=_prove_handle,
    proof="cue+shape",
    placeholder="<HANDLE>",
    fake=_fake_name,
)
