"""From the report's contents to one HTML file: words and geometry here, markup in `page.html` and `parts.html`.

Texts of a corpus are hostile. Jinja2 escapes every expression; before that, every string has its control and
bidirectional characters spelled out (`plain`); and a Content-Security-Policy lets the page run only its own script and
load nothing at all, whatever were to get through.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import wording
from pipeline.report.figures import heat, overlap, similarity_chart, statistic_chart, strip
from pipeline.report.texts import Segment, beside, segments
from pipeline.report.wording import count, duration, number, percent, size

if TYPE_CHECKING:  # it imports every filter
    from pipeline.report.samples import Sample

_SECTIONS = {
    "funnel": "Funnel",
    "reasons": "Reasons",
    "limits": "Limits",
    "duplicates": "Duplicates",
    "edits": "Edits",
    "samples": "Samples",
    "run": "Run",
}


def render(contents: dict[str, Any]) -> str:
    """The page. contents: of `contents.collect`. The same contents give the same page."""
    style, script = (resources.files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    page = _words(contents)
    shown = {
        "funnel": True,
        "reasons": page["languages"] or page["sources"],
        "limits": page["statistics"],
        "duplicates": page["duplicates"],
        "edits": page["edits"],
        "samples": page["samples"] or page["kept"],
        "run": True,
    }
    return _environment().get_template("page.html").render(
        page,
        sections=[(name, title) for name, title in _SECTIONS.items() if shown[name]],
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )  # fmt: skip


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        finalize=lambda value: wording.plain(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": count, "size": size, "breakable": _breakable}
    return environment


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after `_`, `/` or `.`, escaped; for content, not for attributes."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(wording.plain(name)))))


_BREAKS = re.compile(r"([_/.])(?=.)")


def _words(contents: dict[str, Any]) -> dict[str, Any]:
    """What the template names."""
    read, kept = contents["read"], contents["kept"]
    verb = "A run would keep" if contents["annotated"] else "Kept"
    share = f" ({percent(kept['documents'], read['documents'])})" if read["documents"] else ""
    lead = (
        f"{verb} {count(kept['documents'])} of {count(read['documents'])} documents{share}, "
        f"{size(kept['bytes'])} of {size(read['bytes'])} of text."
    )
    languages, sources = _groups(contents["languages"]), _groups(contents["sources"])
    return {
        "name": contents["output"].rstrip("/").rpartition("/")[2] or contents["output"],
        "output": contents["output"],
        "annotated": contents["annotated"],
        "version": contents["versions"].get("beamsift", ""),
        "lead": lead,
        "whole": strip(
            [("kept", kept["documents"]), *(("gone", _dropped(stage)) for stage in contents["stages"])],
            read["documents"],
        ),
        "facts": _facts(contents),
        "warnings": contents["warnings"],
        "funnel": [_step(stage, read["documents"]) for stage in contents["stages"]],
        "languages": languages,
        "sources": sources,
        "statistics": [statistic_chart(one, contents["reasons"]) for one in contents["statistics"]],
        "measured": _measured(contents["annotated"]),
        "duplicates": [_duplicates(one) for one in contents["duplicates"]],
        "edits": contents["edits"],
        **_samples(contents),
        "recipe": contents["recipe"],
        "inputs": contents["inputs"],
        "inputs_left": contents["inputs_left"],
        "files": contents["files"],
        "times": _times(contents["timing"]),
        "manifest": contents["manifest"],
        "manifest_note": "lists longer than 20 entries are cut here",
    }


def _dropped(stage: dict[str, Any]) -> int:
    return sum(reason["documents"] for reason in stage["dropped"].values())


def _facts(contents: dict[str, Any]) -> list[tuple[str, str]]:
    timing = contents["timing"]
    facts = [("files read", count(len(contents["inputs"]) + contents["inputs_left"]))]
    facts += [(f"{one['stage']} duplicates", count(one["dropped"])) for one in contents["duplicates"]]
    edited = [stage["edited"]["documents"] for stage in contents["stages"] if "edited" in stage]
    if edited:
        facts.append(("documents edited", " + ".join(count(documents) for documents in edited)))
    facts.append(("time", duration(timing["seconds"])))
    if timing["bytes_per_second"]:
        facts.append(("of text a second", size(timing["bytes_per_second"])))
    if timing["peak_resident_bytes"]:
        facts.append(("most memory", size(timing["peak_resident_bytes"])))
    return facts


def _times(timing: dict[str, Any]) -> list[dict[str, Any]]:
    """Phases of the run, then the stages that ran row by row."""
    phases = [{"name": row["phase"], "under": "", **row} for row in timing["phases"]]
    stages = [{"name": row["id"], "under": "stage, all workers", **row} for row in timing["stages"]]
    return [
        {**row, "rate": size(row["bytes"] / row["seconds"]) if row["seconds"] else ""} for row in [*phases, *stages]
    ]


def _step(stage: dict[str, Any], read: int) -> dict[str, Any]:
    given, out, dropped = stage["in"]["documents"], stage["out"]["documents"], _dropped(stage)
    parts = [
        {"name": reason, **counts, "share": percent(counts["documents"], read)}
        for reason, counts in stage["dropped"].items()
    ]
    notes = []
    if "edited" in stage:
        edited = stage["edited"]
        notes.append(f"edited {count(edited['documents'])} documents, {size(edited['bytes'], sign=True)} of text")
    notes += [
        f"noted {note.replace('_', ' ')}: {count(counts['documents'])} documents"
        for note, counts in stage.get("notes", {}).items()
    ]
    return {
        "id": stage["id"],
        "documents_in": given,
        "documents_out": out,
        "dropped": dropped,
        "share": percent(dropped, read),
        "bytes_out": stage["out"]["bytes"],
        "strip": strip([("kept", out), ("gone", dropped)], read),
        "tip": f"{stage['id']}: {count(given)} in, {count(dropped)} dropped, {count(out)} out",
        "parts": parts,
        "notes": notes,
    }


def _groups(found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None or not found["rows"]:
        return None
    nameless = next((column["documents"] for column in found["columns"] if column["name"] is None), 0)
    return {**heat(found, unknown="not identified"), "nameless": nameless}


def _measured(annotated: bool) -> str:
    if annotated:
        return (
            "All documents, by what each stage measured. A document counts where the first rule that it fails drops "
            "it. Hold the pointer on a bar to see how many lie below."
        )
    return (
        "Documents in the output, and those that left by a limit shown here. What else left is not in the picture: "
        "run with --annotate-only to see all documents in every chart. Hold the pointer on a bar to see how many lie "
        "below."
    )


def _duplicates(one: dict[str, Any]) -> dict[str, Any]:
    most = max((row["clusters"] for row in one["sizes"]), default=1)
    sentence = "No duplicates."
    if one["clusters"]:
        sentence = f"{count(one['dropped'])} duplicates of {count(one['clusters'])} documents that stay."
    near = one["near"]
    sizes = [
        {**row, "strip": strip([("other", row["clusters"])], most), "tip": f"{count(row['clusters'])} clusters"}
        for row in one["sizes"]
    ]
    return {
        **one,
        "sentence": sentence,
        "banding": _banding(near) if near else "",
        "similarity": similarity_chart(near) if near and near["verified"] else None,
        "sizes": sizes,
        "largest": [{**row, "from": _from(row["sources"]), "least": _similarity(row)} for row in one["largest"]],
        "overlap": overlap(one["overlap"]) if len(one["overlap"]["sources"]) > 1 else None,
    }


def _banding(near: dict[str, Any]) -> str:
    found = (
        f"{near['bands']} bands of {near['rows']} rows brought {count(near['met'])} documents together, in "
        f"{count(near['components'])} components of at most {count(near['largest_component'])}. "
    )
    if not near["verified"]:
        return found + "Nothing was verified (verify: none), so similarities are not known."
    found += f"{count(near['compared'])} comparisons; a duplicate reaches the threshold {number(near['threshold'])}."
    if near["undecided"]:
        found += f" {count(near['undecided'])} documents met more survivors than they were compared with."
    return found


def _from(sources: dict[str, int]) -> str:
    """Sources of a cluster's documents, most first.

    >>> _from({"a": 1, "b": 3, "c": 2, "d": 1})
    'b 3, c 2, a 1, 1 more'
    """
    ranked = sorted(sources.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{name} {count(documents)}" for name, documents in ranked[:3]]
    return ", ".join(named + ([f"{len(ranked) - 3} more"] if len(ranked) > 3 else []))


def _similarity(cluster: dict[str, Any]) -> str:
    least = cluster["least_similarity"]
    return "" if least is None else f"{least:.3f}"


def _samples(contents: dict[str, Any]) -> dict[str, Any]:
    groups = []
    for i, outcome in enumerate(contents["reasons"]):
        found: Sequence[Sample] = contents["samples"].get((outcome["stage"], outcome["reason"]), [])
        if found:
            groups.append(
                {**outcome, "id": f"sample-{i}", "shown": len(found), "samples": [_document(one) for one in found]}
            )
    return {
        "samples": groups,
        "kept": [_document(one) for one in contents["kept_samples"]],
        "documents_kept": contents["kept"]["documents"],
        "looked_at": "Chosen by a hash of the document key: any document is as likely as another of its reason, and "
        "the same result shows the same ones. Texts are cut after their beginning; characters that would not show are "
        "spelled out.",
    }


def _document(one: Sample, text: list[Segment] | None = None) -> dict[str, Any]:
    """What is shown of a sample. text: its text in pieces, if it was compared with another one."""
    other = None
    if one.twin and one.text is not None and one.twin.text is not None:
        text, other = beside(one.text, one.twin.text)
    elif text is None and one.text is not None:
        text = segments([("", one.text)])
    return {
        "key": one.key,
        "source": one.source,
        "row": one.row,
        "facts": _described(one),
        "text": text,
        "chars": one.chars,
        "rest": one.chars - len(one.text) if one.text is not None else 0,
        "missing": one.missing,
        "twin": _document(one.twin, other) if one.twin else None,
        "twin_is": "Kept in its stead" if "kept_as" in one.facts else "Its survivor at this stage",
    }


def _described(one: Sample) -> list[str]:
    """What is known of a document, in words: the value and its limit, the similarity, the language, the size."""
    found, facts = [], one.facts
    if "value" in facts:
        limit = f" (limit {number(facts['threshold'])})" if "threshold" in facts else ""
        found.append(number(facts["value"]) + limit)
    if "detail" in facts:
        found.append(str(facts["detail"]))
    if "kept_similarity" in facts:
        found.append(f"similarity {facts['kept_similarity']:.3f}")
    if "survivor" in facts and one.twin is None:
        found.append(f"duplicate of {facts['survivor']}, which left, too")
    if facts.get("language"):
        found.append(str(facts["language"]))
    if "text_bytes" in facts:
        found.append(size(facts["text_bytes"]))
    return found
