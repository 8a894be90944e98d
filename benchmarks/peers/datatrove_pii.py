"""Peer: datatrove's PIIFormatter with its defaults: e-mail addresses and public IPv4 addresses."""

from __future__ import annotations

from datatrove.pipeline.formatters.pii import PIIFormatter
from pii_io import Found, Recorder, main

FORMATTER = PIIFormatter()


def spans(text: str) -> Found:
    """What `format` would replace; addresses are looked for in what e-mail addresses have left, as there."""
    found: Found = []
    for kind, replacer in (("email", FORMATTER.emails_replacer), ("ip", FORMATTER.ip_replacer)):
        text = Recorder(replacer.regex, kind, found, replacer.validator).sub(None, text)
    return found


if __name__ == "__main__":
    main("datatrove", FORMATTER.format, spans)
