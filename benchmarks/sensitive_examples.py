"""A line for every kind of sensitive value: what stands before it and the value, to be said again and again."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.corpus import TEXT
from filters.detectors.catalog import DETECTORS
from filters.detectors.scan import scan

FILES = ("constructed.parquet", "embedded.parquet", "fixtures.parquet")
BEFORE = 40
"""Characters before a labelled value that go with it, on its line: most kinds want a word there."""

_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def made_up() -> dict[str, str]:
    """Values of kinds that no labelled file has, or not behind their words. Random, but the same each time.

    >>> sorted(made_up())[:2]
    ['anthropic_key', 'au_medicare']
    """
    random = Random(20)

    def some(count: int, alphabet: str = _WORD) -> str:
        return "".join(random.choices(alphabet, k=count))

    return {
        "openai_key": f"sk-{some(20)}T3BlbkFJ{some(20)}",
        "anthropic_key": f"sk-ant-api03-{some(93)}",
        "huggingface_token": f"hf_{some(34, string.ascii_letters)}",
        "mailchimp_key": f"{some(32, _HEX)}-us7",
        "mailgun_key": f"key-{some(32, _HEX)}",
        "square_token": f"sq0atp-{some(22)}",
        "telegram_token": f"{some(9, '123456789')}:AA{some(33)}",
        "discord_token": f"M{some(12)}1A{some(9)}.{some(6)}.{some(24)}aB3",
        "azure_storage_key": f"AccountKey={some(86)}==",
        "digitalocean_token": f"dop_v1_{some(64, _HEX)}",
        "shopify_token": f"shpat_{some(32, _HEX)}",
        "databricks_token": f"dapi{some(32, _HEX)}",
        "docker_token": f"dckr_pat_{some(27)}",
        "password_assignment": f"password={some(14)}!7a",
        "au_medicare": "Medicare 2123456701",
        "au_tfn": "TFN 876 543 210",
        "uk_nhs": "NHS 943 476 5919",
        "in_pan": "ABCPE1234F",
        "coordinates": "37.895845, 138.411697",
    }


def examples(corpus: Path) -> Mapping[str, str]:
    """By kind: the first labelled value that is found behind what stands before it, or a made-up one.

    Empty if the labelled files are not there.
    """
    found: dict[str, str] = {}
    if not all((corpus / name).is_file() for name in FILES):
        return found
    for name in FILES:
        table = pq.read_table(corpus / name, columns=[TEXT, "spans"])
        for text, spans in zip(table[TEXT].to_pylist(), table["spans"].to_pylist(), strict=True):
            for span in spans or ():
                kind, start = span["kind"], span["start"]
                line = text[max(0, start - BEFORE) : span["end"]].rpartition("\n")[2] if kind != "private_key" else (
                    text[start : span["end"]].replace("\n", "\\n")
                )  # fmt: skip
                if kind in DETECTORS and kind not in found and is_found(kind, line + " "):
                    found[kind] = line + " "
    made = {kind: value + " " for kind, value in made_up().items()}
    return {kind: found.get(kind) or made[kind] for kind in DETECTORS if kind in found or kind in made}


def is_found(kind: str, text: str) -> bool:
    """Whether the text, said three times on a line, has each of its values found."""
    found = scan(pa.array([text * 3], pa.large_string()), tuple(DETECTORS.values()))
    return found.kinds.count(kind) >= 3
