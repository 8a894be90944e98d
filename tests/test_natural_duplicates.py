"""Near duplicates that occur by nature: bands and verification, called by hand, beside labels and exact anchoring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from filters.minhash import (
    band_hashes,
    collision_probability,
    members_of_one_component,
    shingle_sets,
    signatures,
)
from filters.verification import Criteria, Decisions, decide
from tests import reference
from tests.test_dedup_recall import within_sampling_error

pytestmark = pytest.mark.corpus

THRESHOLD = 0.8


@pytest.fixture(scope="module")
def web(corpora: Path) -> pa.Table:
    """Half of the web documents with their labels: id, text, clusters linked at 0.5 and 0.8, shingles."""
    files = sorted(str(path) for path in (corpora / "web").glob("*.parquet"))
    web = ds.dataset(files[: len(files) // 2], format="parquet").to_table(columns=["id", "text"])
    labels = pq.read_table(corpora / "pairs" / "web_clusters.parquet")
    labels = labels.take(pc.index_in(web["id"], labels["id"].combine_chunks()))
    for name in ("cluster_050", "cluster_080", "n_shingles"):
        web = web.append_column(name, labels[name])
    return web


@pytest.fixture(scope="module")
def pairs(corpora: Path, web: pa.Table) -> tuple[list[str], NDArray[np.float64]]:
    """A pair of each cluster at 0.5: texts, the two of a pair one after the other; and the labels.

    Chances are independent only where no text occurs twice, so it is one pair; which, is decided by no similarity.
    """
    found = pq.read_table(corpora / "pairs" / "web_pairs.parquet", columns=["id_a", "id_b", "jaccard"])
    ids = web["id"].combine_chunks()
    found = found.append_column("a", pc.index_in(found["id_a"], ids)).append_column(
        "b", pc.index_in(found["id_b"], ids)
    )
    found = found.filter(pc.and_(pc.is_valid(found["a"]), pc.is_valid(found["b"])))
    _, first = np.unique(web["cluster_050"].take(found["a"]).to_numpy(), return_index=True)
    found = found.take(first)
    rows = np.stack([found["a"].to_numpy(), found["b"].to_numpy()], axis=1).ravel()
    return web["text"].take(rows).to_pylist(), found["jaccard"].to_numpy()


def judged(texts: list[str], bands: int, rows: int, at_once: int = 1_000_000) -> tuple[Decisions, NDArray[np.uint64]]:
    """Decisions about texts at THRESHOLD, in order of keys, which are their places; and their bands."""
    found, counts = signatures(texts, num_perm=bands * rows)
    hashes = band_hashes(found, bands, rows)
    decisions, _ = decide(
        members_of_one_component(texts, hashes, counts > 0), Criteria(THRESHOLD, max_component=at_once)
    )
    order = np.argsort(decisions.key)
    assert decisions.key[order].tolist() == list(range(len(texts)))
    return Decisions(**{name: column[..., order] for name, column in vars(decisions).items()}), hashes


@pytest.mark.parametrize(("bands", "rows"), [(14, 8), (20, 6), (9, 13)], ids=str)
def test_natural_pairs_are_found_at_the_rate_of_the_s_curve(
    pairs: tuple[list[str], NDArray[np.float64]], bands: int, rows: int
) -> None:
    texts, labels = pairs
    decisions, hashes = judged(texts, bands, rows)
    offsets, words = shingle_sets(texts)
    sets = np.split(words, offsets[1:-1])
    common = np.array([len(np.intersect1d(*sets[at : at + 2], assume_unique=True)) for at in range(0, len(sets), 2)])
    sizes = np.diff(offsets).reshape(-1, 2)
    exact = common / (sizes.sum(axis=1) - common)
    # The labels count `_` among letters; nothing else differs.
    plain = ["_" not in texts[at] + texts[at + 1] for at in range(0, len(texts), 2)]
    assert sum(plain) > 500 and np.abs(exact - labels)[plain].max() < 1e-9
    met = (hashes[0::2] == hashes[1::2]).any(axis=1)
    chances = np.array([collision_probability(value, bands, rows) for value in exact])
    assert len(exact) > 1000
    for low, high in ((0.4, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.85), (0.85, 0.9), (0.9, 1.01), (0.0, 1.01)):
        here = (exact >= low) & (exact < high)
        assert within_sampling_error(met[here].sum(), chances[here]), (low, met[here].sum(), chances[here].sum())
    # Of two that met, the second goes for the first exactly where they are alike enough.
    goes = met & (exact >= THRESHOLD)
    assert decisions.survivor[0::2].tolist() == list(range(0, len(texts), 2))
    assert decisions.survivor[1::2].tolist() == (np.arange(1, len(texts), 2) - goes).tolist()
    assert decisions.similarity[1::2][goes].tolist() == exact[goes].tolist()


def exact_similarities(texts: list[str]) -> NDArray[np.float64]:
    """Jaccard of every two texts by the plain definition of a shingle and a product of matrices."""
    numbers: dict[tuple[str, ...], int] = {}
    columns = [[numbers.setdefault(one, len(numbers)) for one in set(reference.shingles(text, 5))] for text in texts]
    bounds = np.cumsum([0, *map(len, columns)])
    places = np.concatenate([np.array(column) for column in columns])
    has = csr_matrix((np.ones(len(places), np.int64), places, bounds), shape=(len(texts), len(numbers)))
    common = (has @ has.T).toarray()
    sizes = np.diff(bounds)
    return common / (sizes[:, None] + sizes[None, :] - common)


def anchored(similarity: NDArray[np.float64]) -> list[int]:
    """Who stays when each is compared with all that stay before it."""
    stay: list[int] = []
    for row in range(len(similarity)):
        if not (similarity[row, stay] >= THRESHOLD).any():
            stay.append(row)
    return stay


def test_natural_clusters_come_down_to_what_exact_anchoring_keeps(web: pa.Table) -> None:
    clusters, sizes = web["cluster_080"].to_numpy(), web["n_shingles"].to_numpy()
    short = np.flatnonzero((sizes >= 20) & (sizes <= 400))
    _, inverse, members = np.unique(clusters[short], return_inverse=True, return_counts=True)
    rows = short[members[inverse] >= 3]
    texts, cluster = web["text"].take(rows).to_pylist(), clusters[rows]
    similarity = exact_similarities(texts)
    assert len(texts) > 500 and len(np.unique(cluster)) > 100
    stay = anchored(similarity)
    assert len(stay) > len(np.unique(cluster)) + 20  # chains: alike one by one, not from end to end
    for layout in ((64, 2), (64, 2, 100), (14, 8)):
        decisions, _ = judged(texts, *layout)
        survivor = decisions.survivor
        left = np.flatnonzero(survivor == np.arange(len(texts)))
        assert (survivor[survivor] == survivor).all() and (survivor <= np.arange(len(texts))).all()
        reached = similarity[np.arange(len(texts)), survivor]
        assert (reached >= THRESHOLD).all() and decisions.similarity.tolist() == reached.tolist()
        assert (cluster[survivor] == cluster).all()
        if layout[:2] == (64, 2):  # a pair at the threshold is missed once in 10 ** 28
            assert left.tolist() == stay
