"""What is fuzzed: one broken input to a number, given to a part of beamsift that must answer it or refuse it.

Each target takes a source of noise and gives the name of what became of the input: `result`, or the class of our own
error. Everything else that it raises, and every crash or hang of its process, is a defect.
"""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from filters.catalog import FILTERS
from filters.chain import Stage, run_stages
from filters.errors import BeamsiftError
from filters.exact import ExactParams, content_hashes
from filters.minhash import shingle_sets, signatures
from pipeline.recipe import parse_recipe
from pipeline.yaml_document import load_yaml
from tests.strategies import AWKWARD
from transforms.corpus import cut_splits, open_corpus, write_plan
from transforms.read import read_split
from transforms.tolerance import Tolerance

ALL_KINDS = frozenset({"file", "row_group", "row", "line"})
CONFIGS = Path(__file__).parents[1] / "configs"


def mutate(data: bytes, noise: random.Random) -> bytes:
    """A few changes of the kinds that disks, networks and people make."""
    broken = bytearray(data)
    for _ in range(noise.choice([1, 1, 2, 4, 16])):
        at = noise.randrange(len(broken) + 1)
        length = noise.choice([1, 1, 2, 4, 8, 64, 1024])
        match noise.randrange(6):
            case 0:
                for i in range(at, min(at + length, len(broken))):
                    broken[i] ^= 1 << noise.randrange(8)
            case 1:
                broken[at : at + length] = noise.randbytes(length)
            case 2:
                del broken[at : at + length]
            case 3:
                broken[at:at] = broken[noise.randrange(len(broken) + 1) :][:length]
            case 4:
                broken[at : at + length] = bytes([noise.choice([0, 0x7F, 0x80, 0xFF])]) * length
            case _:
                if noise.random() < 0.3:
                    del broken[at:]
    return bytes(broken)


def _texts(noise: random.Random, rows: int) -> list[str | None]:
    return [noise.choice([None, *AWKWARD]) for _ in range(rows)]


def _table(noise: random.Random) -> pa.Table:
    texts = _texts(noise, 12)
    nested = [None if i % 5 == 0 else {"tags": ["a", None], "n": i} for i in range(len(texts))]
    return pa.table({"text": pa.array(texts, pa.string()), "n": range(len(texts)), "meta": nested})


def _parquet(table: pa.Table, noise: random.Random) -> bytes:
    sink = pa.BufferOutputStream()
    codec = noise.choice(["none", "zstd", "snappy", "gzip", "lz4"])
    pq.write_table(table, sink, row_group_size=5, compression=codec, use_dictionary=noise.random() < 0.5)
    return sink.getvalue().to_pybytes()


def _arrow(table: pa.Table, noise: random.Random) -> bytes:
    sink = pa.BufferOutputStream()
    open_writer = noise.choice([pa.ipc.new_file, pa.ipc.new_stream])
    options = pa.ipc.IpcWriteOptions(compression=noise.choice([None, "zstd", "lz4"]))
    with open_writer(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=5)
    return sink.getvalue().to_pybytes()


def _lines(table: pa.Table, noise: random.Random) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=noise.random() < 0.5).encode() + b"\n" for row in table.to_pylist())


_WRITERS: dict[str, Callable[[pa.Table, random.Random], bytes]] = {
    "a.parquet": _parquet,
    "a.arrow": _arrow,
    "a.jsonl": _lines,
}


def readers(noise: random.Random) -> str:
    """A small file of any format, broken, read strictly or tolerantly; what comes out must be valid Arrow."""
    name = noise.choice([*_WRITERS])
    data = _WRITERS[name](_table(noise), noise)
    if name == "a.jsonl":
        pack = noise.choice([None, "gz", "zst"])
        broken = mutate(data, noise) if noise.random() < 0.5 else data
        name, data = (f"{name}.{pack}", gzip.compress(broken)) if pack == "gz" else (name, broken)
        if pack == "zst":
            name, data = f"{name}.zst", pa.compress(broken, "zstd", asbytes=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "raw", name)
        path.parent.mkdir()
        path.write_bytes(mutate(data, noise))
        tolerance = Tolerance(noise.choice([frozenset(), ALL_KINDS]))
        try:
            corpus = open_corpus([str(path)], tolerance=tolerance)
            plan = str(Path(folder, "plan"))
            write_plan(corpus, plan, 1)
            for split in cut_splits(corpus, 1, plan):
                for batch in read_split(split, batch_rows=noise.choice([1, 4, 100])):
                    batch.validate(full=True)
        except BeamsiftError as error:
            return type(error).__name__
    return "result"


def recipes(noise: random.Random) -> str:
    """The text of a recipe, broken."""
    data = noise.choice(sorted(CONFIGS.glob("*.yaml"))).read_bytes()
    try:
        parse_recipe(load_yaml("recipe.yaml", mutate(data, noise).decode(errors="replace")))
    except BeamsiftError as error:
        return type(error).__name__
    return "result"


def _needs_nothing(name: str) -> bool:
    try:
        FILTERS[name].Params()
    except ValidationError:  # a list or a model must be named
        return False
    return True


STAGES = list(filter(_needs_nothing, FILTERS))


def stages(noise: random.Random) -> str:
    """Texts of all scripts in any mixture, through every stage that needs no list and no model of its own."""
    texts = ["".join(noise.choices(AWKWARD, k=noise.choice([1, 3, 30]))) for _ in range(8)]
    texts.append(mutate("".join(texts).encode(), noise).decode(errors="replace"))
    batch = pa.record_batch({"doc_key": range(len(texts)), "text": texts})
    for name in STAGES:
        outcome = run_stages(batch, [Stage(name, name, FILTERS[name].Params())], "text")
        outcome.kept.validate(full=True)
        assert outcome.kept.num_rows + outcome.rejects.num_rows == len(texts)
    return "result"


def kernels(noise: random.Random) -> str:
    """Arbitrary bytes in a column that claims to be a string: kernels must not look beyond them."""
    awkward = [text.encode() for text in AWKWARD]
    values = [mutate(b"".join(noise.choices(awkward, k=noise.choice([0, 1, 5]))), noise) for _ in range(6)]
    values.append(noise.randbytes(noise.choice([1, 7, 63, 1000])))
    raw = pa.array(values, pa.large_binary())
    texts = pa.Array.from_buffers(pa.large_string(), len(raw), raw.buffers())
    texts = texts.slice(noise.randrange(3))
    signatures(texts, num_perm=16, shingle_size=5, seed=1)
    shingle_sets(texts, 5)
    for normalise in ("whitespace", "tokens"):
        content_hashes(texts, ExactParams(normalise=normalise))
    batch = pa.record_batch({"doc_key": range(len(texts)), "text": texts})
    taken = sum(_takes(name, batch) for name in STAGES)
    return "result" if taken == len(STAGES) else "partly_refused"


def _takes(name: str, batch: pa.RecordBatch) -> bool:
    """Whether a stage works on such texts; one that decodes them in Python refuses. Readers let none through."""
    try:
        run_stages(batch, [Stage(name, name, FILTERS[name].Params())], "text")
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return False
    return True


TARGETS: dict[str, Callable[[random.Random], str]] = {
    "readers": readers,
    "recipes": recipes,
    "stages": stages,
    "kernels": kernels,
}
