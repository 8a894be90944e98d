"""Verify a result: are its files as they were written, do its numbers add up, does every removal have its evidence.

    report = verify("clean")
    report.findings        # what is damaged: Finding(path, what), none if all is well
    report.checked         # how much was looked at, by kind of check

Everything is worked out again from the files; nothing but the manifest's claims is taken from the manifest. Memory: a
byte per document of the input, and about 60 per duplicate.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.verify_evidence import check_duplicates, check_limits
from pipeline.verify_files import check_files, check_strays
from pipeline.verify_rows import Finding, check_edits, check_outcomes, locate_documents
from transforms.layout import MANIFEST, load_manifest


@dataclass
class Report:
    """What was found. checked: how much was looked at, by check. skipped: checks that damage made impossible."""

    output: str
    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        findings = [{"path": path, "what": what} for path, what in self.findings]
        return {**asdict(self), "findings": findings, "whole": self.whole}


def verify(output: str) -> Report:
    """Recompute checksums, counts, conservation and evidence of a result, and name what does not agree.

    Raises OutputError if the folder is no result at all (see `load_manifest`).
    """
    manifest = load_manifest(output)
    report = Report(output)
    for name, check in (("files", check_files), ("strays", check_strays)):
        report.checked[name], findings = check(output, manifest)
        report.findings += findings
    report.findings += [(MANIFEST, what) for what in _funnel_gaps(manifest)]
    damaged = {path for path, _ in report.findings}
    if any(file["path"] in damaged for files in manifest["files"].values() for file in files):
        report.skipped = ["counts", "conservation", "evidence"]
        return report
    where, findings = locate_documents(output, manifest)
    report.checked["documents"] = len(where.state)
    report.findings += findings
    for name, look in (("rejects", check_outcomes), ("edits", check_edits), ("limits", check_limits)):
        report.checked[name], findings = look(output, manifest)
        report.findings += findings
    report.checked["duplicates"], findings = check_duplicates(output, manifest, where)
    report.findings += findings
    return report


def _funnel_gaps(manifest: dict[str, Any]) -> list[str]:
    """Where the manifest contradicts itself: in - dropped (+ edits) = out, out of one stage = in of the next."""
    gaps = []
    before = manifest["read"]
    for stage in manifest["stages"]:
        if stage["in"] != before:
            gaps.append(f"stage {stage['id']!r} begins with {stage['in']}, but {before} came out before it")
        for unit in ("documents", "bytes"):
            left = stage["in"][unit] - sum(count[unit] for count in stage["dropped"].values())
            left += stage.get("edited", {"bytes": 0})["bytes"] if unit == "bytes" else 0
            if left != stage["out"][unit]:
                gaps.append(
                    f"stage {stage['id']!r}: {left} {unit} are left by its counts, {stage['out'][unit]} by its out"
                )
        before = stage["out"]
    if not manifest.get("annotate_only") and manifest["kept"] != before:
        gaps.append(f"kept is {manifest['kept']}, but {before} came out of the last stage")
    return gaps
