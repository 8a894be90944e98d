"""Peer: data-juicer's `pii_redaction_mapper` with its defaults, which are all but URLs."""

from __future__ import annotations

from data_juicer.ops.mapper.pii_redaction_mapper import PiiRedactionMapper
from pii_io import Found, Recorder, main

MAPPER, RECORDING = PiiRedactionMapper(), PiiRedactionMapper()
FOUND: Found = []
KINDS = {
    "_pem_block": "pem", "_jwt_re": "jwt", "_ipv4_re": "ipv4", "_ipv6_re": "ipv6", "_mac_re": "mac",
    "_path_unix": "path", "_path_win": "path", "_path_win_unc": "path", "_email_re": "email", "_secret_kv": "secret",
    "_id_kv": "id", "_channel_kv": "channel", "_feishu_open_id": "open_id", "_platform_open_id": "open_id",
    "_phone_cn": "phone_cn", "_phone_intl": "phone_intl", "_id_card_cn": "id_card_cn",
}  # fmt: skip
for name, kind in KINDS.items():
    setattr(RECORDING, name, Recorder(getattr(RECORDING, name), kind, FOUND))


def spans(text: str) -> Found:
    """What it would replace, in its own order."""
    FOUND.clear()
    RECORDING.process_single({"text": text})
    return list(FOUND)


if __name__ == "__main__":
    main("py-data-juicer", lambda text: MAPPER.process_single({"text": text}), spans)
