"""`python -m benchmarks`: measure, print tables, keep the README's numbers up to date."""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
from pathlib import Path

from benchmarks import (
    blocklists,
    component_memory,
    dedup_growth,
    dedup_peers,
    dedup_skew,
    inspecting,
    job,
    language,
    report,
    row_filters,
    runners,
    sensitive,
    sensitive_peers,
    sensitive_slope,
    signatures,
    tokens,
)
from benchmarks.corpus import default_files, find_files, multiply, sample_texts
from benchmarks.peers import parse_peers

DEFAULT = ("signatures", "filters", "job")
"""Those of the README; the others take longer and have pages of their own in docs/."""
SENSITIVE = ("sensitive", "sensitive_slope", "sensitive_peers", "blocklists")
DEDUPS = ("dedup_growth", "dedup_skew", "component_memory", "dedup_peers")
NAMES = (*DEFAULT, "language", *DEDUPS, "runners", "inspecting", "tokens", *SENSITIVE)
PEERS = {
    "dedup_peers": dedup_peers.SCRIPTS,
    "sensitive_peers": sensitive_peers.SCRIPTS,
    "blocklists": blocklists.SCRIPTS,
    "tokens": tokens.SCRIPTS,
}
"""Benchmarks that run other tools, and the script of each tool."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure beamsift beside what one would use without it.",
        epilog="Example:  python -m benchmarks --only signatures filters --repeats 5 --json numbers.json",
    )
    parser.add_argument(
        "--corpus", metavar="GLOB", help="Parquet files with a column `text` [the web corpus, or a sample]"
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, default=DEFAULT, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--repeats", type=_count, default=3, metavar="N", help="interleaved rounds [3]")
    parser.add_argument(
        "--megabytes", type=_count, default=16, metavar="N", help="text for signatures and filters [16]"
    )
    parser.add_argument(
        "--times", type=_count, default=1, metavar="N", help="copies of the corpus, varied, for job [1]"
    )
    parser.add_argument(
        "--documents",
        type=_count,
        default=20_000,
        metavar="N",
        help="of the sample, dedup_skew, inspecting, and of the component of component_memory [20000]",
    )
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=PYTHON",
        help="a Python that has the peer and pyarrow; may be repeated. "
        + " ".join(f"{name}: {', '.join(scripts)}." for name, scripts in PEERS.items()),
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="replace the tables between the marks of this file"
    )
    options = parser.parse_args(arguments)
    try:
        if options.markdown:
            report.check_marks(options.markdown)
            if set(options.only) != set(DEFAULT):
                raise ValueError("--markdown replaces all tables, so that they come from one run; leave --only out")
        if options.corpus:
            find_files(options.corpus)
        parse_peers(options.peer, _known_peers())
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return options


def _known_peers() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for scripts in PEERS.values() for name in scripts))


def _peers_of(benchmark: str, options: argparse.Namespace) -> dict[str, Path]:
    """Those given that this benchmark can run."""
    given = parse_peers(options.peer, _known_peers())
    return {name: python for name, python in given.items() if name in PEERS[benchmark]}


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {word!r}")
    return int(word)


def command(options: argparse.Namespace) -> str:
    """The command that measures the same again: every option that matters, none that says where results go.

    >>> command(parse(["--repeats", "5", "--only", "job"]))
    'python -m benchmarks --only job --repeats 5'
    """
    words = ["python", "-m", "benchmarks"]
    words += ["--corpus", options.corpus] if options.corpus else []
    words += ["--only", *options.only] if options.only != DEFAULT else []
    defaults = {"megabytes": 16, "times": 1, "documents": 20_000}
    words += ["--repeats", str(options.repeats)]
    for name, default in defaults.items():
        given = getattr(options, name)
        words += [f"--{name}", str(given)] if given != default else []
    for peer in options.peer:
        words += ["--peer", peer]
    return shlex.join(words)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write."""
    options = parse(arguments)
    facts, console, results = report.machine(), report.wide_console(), []
    with tempfile.TemporaryDirectory(prefix="beamsift-benchmarks-") as temporary:
        folder = Path(temporary)
        if options.corpus:
            files, label = find_files(options.corpus), options.corpus
        else:
            files, label = default_files(folder / "sample", options.documents)
        for name in options.only:
            console.print(f"Measuring {name} ...", style="dim")
            results.append(measure(name, files, options, folder))
            report.show(results[-1], console)
    ending = f"Corpus: `{label}`. {report.machine_line(facts, command(options))}"
    console.print(ending, markup=False, highlight=False)
    if options.json:
        numbers = report.as_dict(results, facts, command(options))
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        report.replace_between_marks(options.markdown, report.markdown(results, ending))


def measure(name: str, files: list[Path], options: argparse.Namespace, folder: Path) -> report.Result:
    """Run one benchmark."""
    if name == "job":
        inputs = multiply(files, options.times, folder / "input") if options.times > 1 else files
        return job.measure(inputs, options.repeats, folder)
    if name == "runners":
        return runners.measure(files, folder)
    if name == "dedup_growth":
        return dedup_growth.measure(files, options.repeats, folder)
    if name == "dedup_skew":
        return dedup_skew.measure(options.documents, folder / name)
    if name == "inspecting":
        return inspecting.measure(options.documents, folder / name)
    if name == "component_memory":
        return component_memory.measure(options.documents)
    texts = sample_texts(files, options.megabytes)
    if name == "tokens":
        return tokens.measure(texts, _peers_of(name, options), folder / name, options.repeats)
    if name in PEERS:
        run = {"dedup_peers": dedup_peers, "sensitive_peers": sensitive_peers, "blocklists": blocklists}[name]
        return run.measure(texts, _peers_of(name, options), folder / name)
    if name == "sensitive_slope":
        return sensitive_slope.measure(texts)
    return {"signatures": signatures, "filters": row_filters, "language": language, "sensitive": sensitive}[
        name
    ].measure(texts, options.repeats)


if __name__ == "__main__":
    main()
