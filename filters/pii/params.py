"""Parameters of the stage `pii`: which kinds, what becomes of each, how much is too much, the recipe's own kinds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from filters.contract import StageParams
from filters.detectors.contract import Detector, Spans
from filters.detectors.custom import custom_detector
from filters.detectors.ip import IPV4_PORT, is_local, is_public
from filters.detectors.scan import scan
from filters.pii.kinds import ALIASES, governing, known_names, members, select

Policy = Literal["redact", "pseudonymise", "tag", "drop_line", "drop_document"]
TOTAL = "total"
"""In `max_per_1000_words`: all findings together."""


class KeySource(StageParams):
    """Where the secret key is: file: a path; env: the name of an environment variable. One of them.

    Every process that runs the stage reads it there. Recipe and manifest name the place, never the key.
    """

    file: str | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> KeySource:
        if (self.file is None) == (self.env is None):
            raise ValueError("a key is read from one place: give `file: path` or `env: NAME`")
        return self


class CustomParams(StageParams):
    """A kind of the recipe's own.

    pattern: RE2, matched up to 1,024 bytes. validator: name of a check (filters.detectors.validators.VALIDATORS);
    it sees the part `(?P<checked>...)` of the pattern, if it has one.
    placeholder: `<NAME>` if left out. cue: RE2 of which something must stand within 64 characters of the value.
    alone: not where an ASCII letter or digit stands beside it.
    """

    pattern: Annotated[str, Field(min_length=1)]
    validator: str = "none"
    placeholder: str | None = None
    cue: str | None = None
    alone: bool = True


class PiiParams(StageParams):
    """What to find and what becomes of it. Kinds are named one by one, by group, `ip` (IPv4 and IPv6) or `all`,
    which stands for all but those of location (filters.pii.kinds.OPTIONAL).

    kinds: e-mail and IP addresses if left out, which is what FineWeb replaces: they are nearly always right, and a
    recipe that drops or hides more of its text should say so. policy: for all kinds that `policies` does not name,
    where a kind goes before its group. placeholders: by kind or group, in place of `<EMAIL>` and the like.
    max_per_1000_words: findings by kind or group, or `total`, above which the document is dropped; words are those
    of the text as it came. ip_scope: `public` leaves private and reserved addresses, as FineWeb does
    (loopback ones always stay). custom: kinds of
    the recipe's own, always looked for. key: secret that `pseudonymise` and `audit_hash` need; salt: another one makes
    other fakes with the same key. audit_hash: audit rows hold a keyed hash of the value.
    """

    kinds: tuple[str, ...] = ("email", "ip")
    policy: Policy = "redact"
    policies: dict[str, Policy] = Field(default_factory=dict)
    placeholders: dict[str, str] = Field(default_factory=dict)
    max_per_1000_words: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    ip_scope: Literal["all", "public"] = "all"
    custom: dict[str, CustomParams] = Field(default_factory=dict)
    key: KeySource | None = None
    salt: str = ""
    audit_hash: bool = False

    @field_validator("custom")
    @classmethod
    def _custom_kinds_can_be_used(cls, value: dict[str, CustomParams]) -> dict[str, CustomParams]:
        for name, entry in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
                raise ValueError(f"a kind's name is made of a-z, 0-9 and _, got {name[:60]!r}")
            if name in known_names() or name in (*ALIASES, TOTAL):
                raise ValueError(f"{name!r} is a name beamsift knows already; give your kind another one")
            try:
                _custom(name, entry)
            except ValueError as error:
                raise ValueError(f"custom kind {name!r}: {error}") from error
        return value

    @model_validator(mode="after")
    def _names_are_known_and_agree(self) -> PiiParams:
        self._check_names()
        if self.key is None and (self.audit_hash or "pseudonymise" in (self.policy, *self.policies.values())):
            raise ValueError("`pseudonymise` and `audit_hash` need a secret: add `key: {file: path}` or `{env: NAME}`")
        self._check_placeholders()
        return self

    def _check_names(self) -> None:
        for name in self.kinds:
            members(name, self.custom)
        found = {detector.kind for detector in self.detectors()}
        if not found:
            raise ValueError("kinds is empty, so nothing would be looked for")
        for field in ("policies", "placeholders", "max_per_1000_words"):
            for name in getattr(self, field):
                if field == "max_per_1000_words" and name == TOTAL:
                    continue
                if not found & set(members(name, self.custom)):
                    raise ValueError(f"{field} names {name!r}, which is not among the kinds that are looked for")

    def _check_placeholders(self) -> None:
        """What stands for a value must not be taken for one, alone or beside its like: it would never come to rest."""
        detectors = self.detectors()
        for name, text in self.placeholders.items() | {(k, d.placeholder) for k, d in self.custom_detectors().items()}:
            found = scan(pa.array([text, text + text], pa.large_string()), detectors)
            if len(found):
                raise ValueError(f"placeholder {text!r} for {name!r} looks like a value itself ({found.kinds[0]})")

    def custom_detectors(self) -> dict[str, Detector]:
        """Detectors of the recipe's own kinds, by name."""
        return {name: _custom(name, entry) for name, entry in self.custom.items()}

    def detectors(self) -> tuple[Detector, ...]:
        """Detectors to run in order of rank, with the recipe's placeholders and scope of addresses."""
        found = []
        for detector in select([*self.kinds, *self.custom], self.custom_detectors()):
            name = governing(detector.kind, detector.group, self.placeholders)
            if name is not None:
                detector = dataclasses.replace(detector, placeholder=self.placeholders[name])
            if detector.kind in (*ALIASES["ip"], IPV4_PORT.kind):
                detector = dataclasses.replace(detector, prove=_InScope(detector.prove, self.ip_scope == "public"))
            found.append(detector)
        return tuple(found)

    def policy_of(self, detector: Detector) -> Policy:
        """What becomes of a kind."""
        name = governing(detector.kind, detector.group, self.policies)
        return self.policy if name is None else self.policies[name]

    def counted(self) -> Mapping[str, tuple[str, ...]]:
        """Names that get a column of counts, and their kinds: those that the recipe itself says.

        A group that is named is one column, not one for each of its kinds: the columns of a result then follow
        from its recipe alone, also when a later version knows more kinds. The audit rows have every kind.
        """
        names = dict.fromkeys([*self.kinds, *self.custom])
        return {name: members(name, self.custom) for name in names}


def _custom(name: str, entry: CustomParams) -> Detector:
    return custom_detector(
        name, entry.pattern, validator=entry.validator, placeholder=entry.placeholder, cue=entry.cue, alone=entry.alone
    )


@dataclasses.dataclass(frozen=True)
class _InScope:
    """A proof that leaves loopback and unspecified addresses, and wants the others to be routed on the internet."""

    prove: Callable[[str, int, int], Spans]
    public: bool

    def __call__(self, window: str, start: int, end: int) -> Spans:
        found = self.prove(window, start, end)
        return [(a, b) for a, b in found if self._in_scope(window[a:b])]

    def _in_scope(self, value: str) -> bool:
        return is_public(value) or not (self.public or is_local(value))
