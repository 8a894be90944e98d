"""Limits of deduplication in whole runs: length, comparisons, rounds, memory; a corpus half of which is one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.errors import ConvergenceError
from filters.minhash import MinHashParams
from filters.verification import Criteria
from tests import reference
from tests.dedup_corpora import BASE, NEAR, Runner, families, near, rows, write
from transforms.shuffle import gather_words


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = families(seed=3)
    chance = np.random.default_rng(0)
    quality = pa.array([None if q < 0.1 else q for q in chance.random(len(texts))], pa.float64())
    return write(tmp_path_factory.mktemp("dedup") / "raw", texts, quality=quality)


def test_a_document_too_long_to_compare_stays_and_is_counted(tmp_path: Path, run_recipe: Runner) -> None:
    long = " ".join(f"w{i}" for i in range(500))
    raw = write(tmp_path / "raw", [long, long + " end", BASE, BASE + " end"], 2)
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [near(max_shingles=400)]})
    assert [row["id"] for row in rows(output, "shards")] == ["d0", "d1", "d2"]
    assert manifest["stages"][1]["notes"]["too_long_to_compare"]["documents"] == 2


def test_documents_that_meet_more_survivors_than_are_compared_stay_and_are_counted(
    tmp_path: Path, run_recipe: Runner
) -> None:
    """300 pages of one template: all share a bucket, none are alike, and the limit is 256 survivors for each."""
    template = " ".join(f"w{i}" for i in range(60))
    texts = [f"{template} {' '.join(f'own{page}x{i}' for i in range(40))}" for page in range(300)]
    assert 0.3 < reference.jaccard(*texts[:2]) < 0.5
    raw = write(tmp_path / "raw", texts)
    stage = near(bands=100, rows=1)  # one pair in 10 ** 17 shares no bucket
    manifest, output = run_recipe({"input": {"paths": str(raw)}, "stages": [stage]})
    assert manifest["kept"] == manifest["read"]
    assert manifest["stages"][1]["notes"]["not_fully_compared"]["documents"] == 300 - 257
    assert [text for text in manifest["warnings"] if "kept 43 documents that share buckets with more" in text]
    documents = sorted(rows(output, "dedup/minhash_dedup/documents"), key=lambda row: row["doc_key"])
    assert [row["decided"] for row in documents] == [True] * 257 + [False] * 43
    assert max(row["compared"] for row in documents) == 256


def test_components_that_do_not_converge_are_an_error(tmp_path: Path, run_recipe: Runner) -> None:
    """A path of documents, each like the next alone, each in a Split of its own."""
    words = [f"w{i}" for i in range(600)]
    texts = [" ".join(words[i : i + 60]) for i in range(0, 540, 6)]
    folder = tmp_path / "raw"
    folder.mkdir()
    for number, text in enumerate(texts):
        pq.write_table(pa.table({"text": [text]}), folder / f"{number:03d}.parquet")
    recipe = {"input": {"paths": str(folder)}, "stages": [{"minhash_dedup": {"bands": 64, "rows": 2}}]}
    with pytest.raises(ConvergenceError, match=r"did not converge in 1 rounds.*component_rounds"):
        run_recipe({**recipe, "run": {"component_rounds": 1}}, "short", workers=1)
    _, output = run_recipe(recipe, "enough", workers=1)
    sizes = {row["component_size"] for row in rows(output, "dedup/minhash_dedup/documents")}
    assert max(sizes) > 20


def test_a_second_pass_removes_nothing(duplicated: Path, run_recipe: Runner) -> None:
    _, first = run_recipe({"input": {"paths": str(duplicated)}, "stages": [NEAR]}, "first")
    again = {"paths": str(first / "shards"), "drop_columns": ["doc_key", "minhash_dedup_cluster_size"]}
    manifest, _ = run_recipe({"input": again, "stages": [NEAR]}, "second")
    assert manifest["kept"] == manifest["read"]


def test_members_beyond_memory_are_mapped_from_a_file(
    duplicated: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {"input": {"paths": str(duplicated)}, "stages": [NEAR]}
    _, first = run_recipe(recipe, "first")
    held: list[bool] = []

    def noted(parts: Iterable[bytes], most_bytes: int) -> np.ndarray:
        words = gather_words(parts, most_bytes)
        held.append(isinstance(words.base, np.memmap))
        return words

    monkeypatch.setattr("transforms.minhash_dedup.gather_words", noted)
    monkeypatch.setattr("transforms.minhash_dedup.MAP_ABOVE", 1)
    _, second = run_recipe({**recipe, "stages": [near(max_component=3)]}, "second", workers=1)
    kept = [[row["id"] for row in rows(output, "shards")] for output in (first, second)]
    assert kept[0] == kept[1]
    assert held and all(held)


def versions_of_one_page(seed: int = 0) -> list[str]:
    """A hundred texts, each with a word or two of one page replaced."""
    chance = np.random.default_rng(seed)
    page = [f"w{i}" for i in range(60)]
    return [
        " ".join(word if chance.random() > share else f"n{chance.integers(10**9)}" for word in page)
        for share in chance.choice([0.02, 0.04], 100)
    ]


def test_survivors_that_a_limit_kept_apart_are_noted_and_fall_in_a_second_run(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices are cut elsewhere when only survivors are left, so some meet whom a limit had kept from them."""

    def limited(params: MinHashParams) -> Criteria:
        return Criteria(params.threshold, max_component=30, most_survivors=1, most_walked=3)

    monkeypatch.setattr(MinHashParams, "criteria", property(limited))
    raw = write(tmp_path / "raw", versions_of_one_page(), files=2)
    recipe = {"input": {"paths": str(raw)}, "stages": [near(threshold=0.75)]}
    manifest, first = run_recipe(recipe, "first", workers=1)
    survivors = {"paths": str(first / "shards"), "drop_columns": ["doc_key", "minhash_dedup_cluster_size"]}
    again, _ = run_recipe({**recipe, "input": survivors}, "second", workers=1)
    noted = manifest["stages"][1]["notes"]["second_pass_dropped"]["documents"]
    assert noted == again["read"]["documents"] - again["kept"]["documents"] > 0


def skewed(copies: Callable[[int], str], documents: int = 1200) -> list[str]:
    """Half of all documents in one bucket, the other half in clusters whose sizes follow Zipf's law."""
    chance = np.random.default_rng(7)
    texts = [copies(i) for i in range(documents // 2)]
    while len(texts) < documents:
        text = " ".join(f"z{len(texts)}w{i}" for i in range(40))
        size = min(int(chance.zipf(1.6)), documents - len(texts))
        texts += [f"{text} copy {i}" for i in range(size)]
    return [texts[i] for i in chance.permutation(documents)]


def uniform(documents: int = 1200) -> list[str]:
    texts = [" ".join(f"u{i // 2}w{k}" for k in range(40)) + f" copy {i % 2}" for i in range(documents)]
    return [texts[i] for i in np.random.default_rng(8).permutation(documents)]


def loads(monkeypatch: pytest.MonkeyPatch, run_recipe: Runner, duplicated: Path, name: str) -> dict[str, int]:
    """Bytes that the fullest partition of each shuffle receives in a run."""
    import transforms.components
    from transforms.shuffle import Shuffle

    received: dict[tuple[str, int], int] = {}

    def note(shuffle: str, records: Any) -> Any:
        for partition, payload in records:
            received[shuffle, partition] = received.get((shuffle, partition), 0) + len(payload)
            yield partition, payload

    send, half_round = Shuffle.send, transforms.components._HalfRoundFn.process

    def noted(self: Any, element: Any) -> Any:
        messages = list(half_round(self, element))
        tagged = [message for message in messages if not isinstance(message, tuple)]
        return [*tagged, *note("edges", [message for message in messages if isinstance(message, tuple)])]

    with monkeypatch.context() as patch:
        patch.setattr(Shuffle, "send", lambda self, records, key: send(self, note(key.rsplit("-", 1)[1], records), key))
        patch.setattr("transforms.components._HalfRoundFn.process", noted)
        run = {"split_bytes": 30_000, "partitions": 8, "workers": 1}
        run_recipe({"input": {"paths": str(duplicated)}, "stages": [near()], "run": run}, name)
    return {shuffle: max(size for (other, _), size in received.items() if other == shuffle) for shuffle, _ in received}


def test_a_page_that_is_half_of_the_corpus_makes_no_hot_partition(
    tmp_path: Path, run_recipe: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many versions of a page the sets meet in one partition, mapped from a file; the rest is as even as ever."""
    page = " ".join(f"w{i}" for i in range(40))
    even = loads(monkeypatch, run_recipe, write(tmp_path / "even", uniform()), "a")
    copies = loads(monkeypatch, run_recipe, write(tmp_path / "copies", skewed(lambda i: page)), "b")
    versions = loads(monkeypatch, run_recipe, write(tmp_path / "versions", skewed(lambda i: f"{page * 5} {i}")), "c")
    assert set(even) == set(copies) == set(versions) == {"buckets", "members", "edges"}
    for shuffle, most in even.items():
        assert copies[shuffle] <= 2 * most, shuffle
        assert shuffle == "members" or versions[shuffle] <= 2 * most, shuffle
