"""The detectors of ways to reach a person, strongest proof first."""

from __future__ import annotations

from filters.detectors.chat import HANDLE, QQ_NUMBER, WECHAT_ID
from filters.detectors.cn_mobile import CN_MOBILE
from filters.detectors.contract import Detector
from filters.detectors.emails import EMAIL, EMAIL_OBFUSCATED
from filters.detectors.phones import PHONE

CONTACT: tuple[Detector, ...] = (EMAIL, EMAIL_OBFUSCATED, WECHAT_ID, QQ_NUMBER, PHONE, CN_MOBILE, HANDLE)
