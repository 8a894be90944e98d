"""Recall of near deduplication on real text follows the S-curve; and texts that other toolkits get wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from filters.minhash import band_hashes, collision_probability, deduplicate_texts, jaccard, signatures
from tests import reference

BANDS, ROWS = 14, 8

Runner = Callable[..., tuple[dict[str, Any], Path]]


def stage(**params: Any) -> dict[str, Any]:
    return {"minhash_dedup": {"threshold": 0.8, "bands": BANDS, "rows": ROWS, **params}}


def labelled(folder: Path, documents: str, pairs: str) -> tuple[list[str], pa.Table, np.ndarray, np.ndarray]:
    """Texts, pairs, and for every pair the rows of its two texts."""
    table = pq.read_table(folder / documents, columns=["id", "text"])
    found = pq.read_table(folder / pairs, columns=["id_a", "id_b", "jaccard"])
    a, b = (pc.index_in(found[name], table["id"].combine_chunks()).to_numpy() for name in ("id_a", "id_b"))
    return table["text"].to_pylist(), found, a, b


def within_sampling_error(found: float, chances: np.ndarray) -> bool:
    """Four standard deviations of a sum of independent chances."""
    return bool(abs(found - chances.sum()) <= 4 * max(float(np.sqrt((chances * (1 - chances)).sum())), 0.5))


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("documents", "pairs"),
    [
        ("ladder-documents.parquet", "ladder-pairs.parquet"),
        ("docs_en.parquet", "pairs_en.parquet"),
        ("docs_zh.parquet", "pairs_zh.parquet"),
    ],
)
def test_bands_bring_pairs_together_at_the_rate_of_the_s_curve(corpora: Path, documents: str, pairs: str) -> None:
    texts, found, a, b = labelled(corpora / "pairs", documents, pairs)
    rows, _ = signatures(texts, num_perm=BANDS * ROWS)
    bands = band_hashes(rows, BANDS, ROWS)
    met = (bands[a] == bands[b]).any(axis=1)
    exact = np.array([jaccard(texts[x], texts[y]) for x, y in zip(a.tolist(), b.tolist(), strict=True)])
    # The labels count `_` among letters in some files, and nothing else differs.
    assert np.abs(exact - found["jaccard"].to_numpy()).max() < 0.05
    assert np.median(np.abs(exact - found["jaccard"].to_numpy())) < 1e-9
    chances = np.array([collision_probability(value, BANDS, ROWS) for value in exact])
    assert within_sampling_error(met.sum(), chances)
    for low in np.arange(0.3, 1.0, 0.1):
        here = (exact >= low) & (exact < low + 0.1)
        assert within_sampling_error(met[here].sum(), chances[here]), low


@pytest.mark.corpus
def test_a_run_finds_what_bands_find_and_drops_nothing_below_the_threshold(
    corpora: Path, tmp_path: Path, run_recipe: Runner
) -> None:
    texts, _, a, b = labelled(corpora / "pairs", "ladder-documents.parquet", "ladder-pairs.parquet")
    languages = pq.read_table(corpora / "pairs" / "ladder-pairs.parquet", columns=["lang"])["lang"].to_pylist()
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=500)
    recipe = {"input": {"paths": str(tmp_path / "a.parquet")}, "stages": [stage()]}
    _, output = run_recipe({**recipe, "output": {"reject_text": True}})
    rejects = ds.dataset(output / "rejects", format="parquet").to_table().to_pylist()
    for row in rejects:
        assert row["value"] >= 0.8
        assert row["value"] == pytest.approx(jaccard(row["text"], texts[row["survivor"]]), abs=0)
    for row in rejects[::40]:
        assert row["value"] == reference.jaccard(row["text"], texts[row["survivor"]])
    gone = {row["doc_key"] for row in rejects}
    for language in sorted(set(languages)):
        pairs = [(x, y) for x, y, lang in zip(a.tolist(), b.tolist(), languages, strict=True) if lang == language]
        exact = np.array([jaccard(texts[x], texts[y]) for x, y in pairs])
        chances = np.array([collision_probability(value, BANDS, ROWS) for value in exact[exact >= 0.8]])
        one_left = sum(x in gone or y in gone for (x, y), value in zip(pairs, exact, strict=True) if value >= 0.8)
        assert within_sampling_error(one_left, chances), language
    assert not any(row["survivor"] in gone for row in rejects)


@pytest.mark.corpus
def test_natural_near_duplicates_are_found_at_the_rate_of_the_s_curve(
    corpora: Path, tmp_path: Path, run_recipe: Runner
) -> None:
    """Documents drawn at random from real pages, with all their neighbours: found without any sketch."""
    neighbours = pq.read_table(corpora / "pairs" / "web_sample_neighbours.parquet")
    wanted = pa.chunked_array([neighbours["id_a"].combine_chunks(), neighbours["id_b"].combine_chunks()]).unique()
    web = ds.dataset(corpora / "web", format="parquet").to_table(
        columns=["id", "text"], filter=pc.field("id").isin(wanted)
    )
    for number in range(4):
        size = -(-len(web) // 4)
        pq.write_table(web.slice(number * size, size), tmp_path / f"{number}.parquet", row_group_size=2000)
    _, output = run_recipe({"input": {"paths": str(tmp_path / "?.parquet")}, "stages": [stage()]})
    kept = set(ds.dataset(output / "shards", format="parquet").to_table(columns=["id"])["id"].to_pylist())
    close = neighbours.filter(pc.greater_equal(neighbours["jaccard"], 0.8))
    pairs = {tuple(sorted(pair)) for pair in zip(close["id_a"].to_pylist(), close["id_b"].to_pylist(), strict=True)}
    value = dict(
        zip(
            zip(close["id_a"].to_pylist(), close["id_b"].to_pylist(), strict=True),
            close["jaccard"].to_pylist(),
            strict=True,
        )
    )
    chances = np.array([collision_probability(value.get((x, y)) or value[y, x], BANDS, ROWS) for x, y in sorted(pairs)])
    one_left = sum(x not in kept or y not in kept for x, y in pairs)
    # Pairs of one cluster are not independent: a document can also go for a third. Never fewer than the curve says.
    assert len(pairs) > 500
    assert one_left >= chances.sum() - 4 * np.sqrt((chances * (1 - chances)).sum())


# What other toolkits get wrong, as read in or run from their sources: each text set breaks the rule named beside it.


def without_marks(text: str) -> str:
    """datatrove 0.10's normalisation before shingling: canonical decomposition, marks removed."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


def space_shingles(text: str) -> set[str]:
    """data-juicer 1.6's default: five tokens between spaces. Texts without any collapse into one."""
    tokens = text.split(" ")
    return {" ".join(tokens[i : i + 5]) for i in range(len(tokens) - 4)}


CHINESE = "数据清洗决定了语言模型能够学到什么，因此每一次删除都应当有据可查，并且在任何机器上得到同样的结果。"
UNLIKE_CHINESE = "昨天下午我们沿着河边散步，看见许多孩子在放风筝，天上的云慢慢变成了晚霞的颜色，十分好看。"


def test_chinese_texts_without_spaces_do_not_collapse_and_edited_ones_are_found() -> None:
    assert space_shingles(CHINESE) == space_shingles(UNLIKE_CHINESE) == set()
    assert deduplicate_texts([CHINESE, UNLIKE_CHINESE], 0.5) == [CHINESE, UNLIKE_CHINESE]
    edited = CHINESE.replace("同样的结果", "相同的结果")
    # Split at punctuation, as text-dedup's `\W` does, the last clause is one changed token of four.
    assert jaccard(CHINESE, edited) > 0.75
    assert deduplicate_texts([CHINESE, edited, UNLIKE_CHINESE], 0.75) == [CHINESE, UNLIKE_CHINESE]


# The same letters under other marks: voicing marks, tone marks, vowel signs.
JAPANESE = ("バスガス バラガラ パンバン ガキバカ ドラゴラ", "パスカス ハラカラ ハンパン カキハガ トラコラ")
THAI = ("ป่า ข่า ไก่ ใหม่ ย่า ว่า น่า ล่า ค่า พ่อ แม่ ที่ นี่", "ป้า ข้า ไก้ ใหม้ ย้า ว้า น้า ล้า ค้า พ้อ แม้ ที้ นี้")
HINDI = ("कुल मुल सुर फुल बुल तुम घुम झुक पुन धुन", "केल मेल सेर फेल बेल तेम घेम झेक पेन धेन")


@pytest.mark.parametrize(("left", "right"), [JAPANESE, THAI, HINDI], ids=["Japanese", "Thai", "Hindi"])
def test_marks_are_part_of_what_a_text_says(left: str, right: str) -> None:
    assert jaccard(without_marks(left), without_marks(right)) == 1.0
    assert jaccard(left, right) < 0.2
    assert deduplicate_texts([left, right], 0.5) == [left, right]


def without_numbers(text: str) -> list[str]:
    """datatrove 0.10 before shingling: each run of digits a 0, punctuation a space, `without_marks`; cut at spaces."""
    spaced = "".join(" " if unicodedata.category(c)[0] == "P" else c for c in re.sub(r"\d+", "0", text))
    return without_marks(spaced).split()


def character_shingles(text: str) -> set[str]:
    """data-juicer 1.6 with `tokenization: character`, as it advises for Chinese: five characters, spaces among them."""
    return {text[i : i + 5] for i in range(len(text) - 4)}


def share(left: set[str], right: set[str]) -> float:
    """Jaccard of two sets."""
    return len(left & right) / len(left | right)


# Pairs of Korean texts. Words are divided by spaces, and punctuation clings to them; endings are part of a word.
KOREAN_SHORT = ("오늘은 종일 비가 옵니다", "새 도서관이 문을 열었습니다")
KOREAN_PUNCTUATED = (
    "한국어 문서의 중복을 제거하는 일은 언어 모델의 학습에 매우 중요하다",
    "한국어 문서의 중복을 제거하는 일은, 언어 모델의 학습에 ‘매우’ 중요하다.",
)
KOREAN_DAYS = (
    "3월 5일 최고 12도, 습도 40%, 바람 초속 3m, 미세먼지 25",
    "8월 19일 최고 34도, 습도 85%, 바람 초속 1m, 미세먼지 7",
)
KOREAN_NAMES = (
    "서울특별시강남구청소년수련관과 부산광역시해운대구청소년수련관을 대구광역시수성구청소년수련관에",
    "서울특별시강남구청소년수련관이 부산광역시해운대구청소년수련관은 대구광역시수성구청소년수련관의",
)


def test_korean_texts_of_few_words_do_not_collapse() -> None:
    assert space_shingles(KOREAN_SHORT[0]) == space_shingles(KOREAN_SHORT[1]) == set()
    assert deduplicate_texts([*KOREAN_SHORT, KOREAN_SHORT[1] + "."], 0.8) == list(KOREAN_SHORT)


def test_korean_copies_that_differ_in_punctuation_are_found() -> None:
    assert share(*map(space_shingles, KOREAN_PUNCTUATED)) < 0.2
    assert jaccard(*KOREAN_PUNCTUATED) == 1.0
    assert deduplicate_texts(list(KOREAN_PUNCTUATED), 0.8) == list(KOREAN_PUNCTUATED[:1])


def test_korean_reports_that_differ_in_their_numbers_are_not_one() -> None:
    assert without_numbers(KOREAN_DAYS[0]) == without_numbers(KOREAN_DAYS[1])
    assert jaccard(*KOREAN_DAYS) == 0.0
    assert deduplicate_texts(list(KOREAN_DAYS), 0.5) == list(KOREAN_DAYS)


def test_korean_words_are_not_taken_apart_into_syllables() -> None:
    """No word of one text is in the other."""
    assert share(*map(character_shingles, KOREAN_NAMES)) > 0.5
    assert jaccard(*KOREAN_NAMES) == 0.0
    assert deduplicate_texts(list(KOREAN_NAMES), 0.5) == list(KOREAN_NAMES)


def test_short_texts_are_compared_kept_and_accounted_for(tmp_path: Path, run_recipe: Runner) -> None:
    """Below five tokens: text-dedup leaves them out of its output, datatrove never compares them, data-juicer takes
    them all for one."""
    texts = ["你好", "再见", "ok", "Ok!", "no", "สวัสดี", "नमस्ते", "नमस्ते।", "안녕", "さようなら", "さようなら", "...", ""]
    assert all(len(space_shingles(text)) == 0 for text in texts)
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    manifest, output = run_recipe({"input": {"paths": str(tmp_path / "a.parquet")}, "stages": [stage()]})
    kept = ds.dataset(output / "shards", format="parquet").to_table()["text"].to_pylist()
    assert kept == ["你好", "再见", "ok", "no", "สวัสดี", "नमस्ते", "안녕", "さようなら", "...", ""]
    assert manifest["stages"][1]["dropped"]["near_duplicate"]["documents"] == 3
