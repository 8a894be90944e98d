"""Benchmark `component_memory`: what one worker holds while it judges a single component, by its number of members.

Sets of WORDS hashes, each in BANDS buckets that a hundred neighbours share; one in ten has a near copy before it.
Members come packed, in pieces, as they come out of a shuffle.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.report import Result
from filters.members import Members, unpack_members
from filters.verification import Criteria, Decisions, judge
from transforms.minhash_dedup import MAP_ABOVE
from transforms.shuffle import gather_words

WORDS, BANDS = 40, 14
_PIECE = 50_000
_FAMILY = 100


def measure(members: int) -> Result:
    """Judge components of a quarter of the members, half, and all, in slices of an eighth, each in a new process."""
    slice_size = max(members // 8, 1)
    context = multiprocessing.get_context("spawn")
    rows, data = [], []
    for some in (members // 4, members // 2, members):
        with context.Pool(1) as pool:
            found = pool.apply(_judge, (some, slice_size))
        data.append(found)
        rows.append(
            (
                f"{some:,}",
                f"{found['slices']}",
                f"{found['seconds']:.1f}",
                f"{found['held_mib']:,.0f}",
                f"{found['mapped_mib']:,.0f}",
                f"{found['dropped']:,}",
            )
        )
    growth = (data[-1]["held_mib"] - data[0]["held_mib"]) * 2**20 / (members - members // 4)
    slices = data[0]["held_mib"] * 2**20 / slice_size / 2
    return Result(
        "component_memory",
        "One component, judged by one worker",
        ("members", "slices", "seconds", "held, MiB", "mapped, MiB", "dropped"),
        tuple(rows),
        (
            f"Sets of {WORDS} hashes in {BANDS} buckets; slices of {slice_size:,} (`max_component`). Held is memory of "
            "the process alone, above what it had before; mapped are pages of temporary files, which the system may "
            f"write out. {slices:,.0f} bytes are held for a member of the two slices at hand, and from the first row "
            f"to the last {growth:.0f} for a member of the component.",
        ),
        {"runs": data, "bytes_a_member": growth, "bytes_a_member_at_hand": slices},
    )


def pieces(members: int) -> Iterator[bytes]:
    """Packed members of one component, piece by piece."""
    chance = np.random.default_rng(1)
    for first in range(0, members, _PIECE):
        key = np.arange(first, min(first + _PIECE, members))
        sets = np.sort(chance.integers(0, 2**63, (len(key), WORDS)).astype(np.uint64), axis=1)
        near = np.flatnonzero(key % 10 == 9)
        sets[near] = sets[near - 1]
        sets[near, 0] = key[near]
        buckets = (key // _FAMILY)[:, None] * BANDS + np.arange(BANDS)
        offsets = np.arange(len(key) + 1) * WORDS
        yield Members.of_sets(
            key,
            np.zeros_like(key),
            (offsets, sets.ravel()),
            buckets.astype(np.uint64),
            np.empty((len(key), 0), np.int64),
        ).pack()


def _judge(members: int, slice_size: int) -> dict[str, float]:
    criteria = Criteria(0.8, max_component=slice_size)
    for _ in judge(unpack_members(gather_words(pieces(10), MAP_ABOVE)), criteria):  # compiles
        pass
    before = _memory()[0]
    peak = [0, 0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[:] = map(max, peak, _memory())

    watcher = threading.Thread(target=watch)
    words = gather_words(pieces(members), MAP_ABOVE)
    started = time.perf_counter()
    watcher.start()
    dropped = 0
    for part in judge(unpack_members(words), criteria):
        if isinstance(part, Decisions):
            dropped += int((part.key != part.survivor).sum())
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return {
        "members": members,
        "slices": -(-members // slice_size),
        "seconds": seconds,
        "held_mib": (peak[0] - before) / 2**20,
        "mapped_mib": peak[1] / 2**20,
        "dropped": dropped,
    }


def _memory() -> tuple[int, int]:
    """Bytes of this process's own memory, and of files that it has mapped."""
    status = Path("/proc/self/status").read_text()
    own, mapped, shared = (
        int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1])  # type: ignore[index]
        for name in ("RssAnon", "RssFile", "RssShmem")
    )
    return own << 10, (mapped + shared) << 10
