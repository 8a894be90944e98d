"""WriteVerdicts: the end of a run that drops nothing. What it would have dropped comes back to life, with a column."""

from __future__ import annotations

from dataclasses import dataclass, replace

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.annotate import WOULD_DROP_AT, WOULD_DROP_REASON
from filters.chain import KEY, READ
from transforms.apply import REJECTS, write_sidecar
from transforms.files import join
from transforms.read import column_sidecar, read_sidecar
from transforms.split import Split

_COLUMNS = {WOULD_DROP_AT: "stage", WOULD_DROP_REASON: "reason"}


def revive(split: Split, folder: str) -> Split:
    """The Split with all its rows alive, its rejects as columns; only documents without a text stay rejects."""
    tables = [read_sidecar(uri) for uri in split.sidecar_uris(REJECTS)]
    sidecars = [(kind, uri) for kind, uri in split.sidecars if kind != REJECTS]
    rejects = pa.concat_tables(tables).sort_by(KEY) if tables else None
    stem, uri = join(folder, split.name), ""
    if rejects is not None:
        read = rejects.filter(pc.equal(rejects["stage"], READ))
        if len(read):
            write_sidecar(f"{stem}.rejects.parquet", read)
            sidecars.append((REJECTS, f"{stem}.rejects.parquet"))
        rejects = rejects.filter(pc.not_equal(rejects["stage"], READ))
        if len(rejects):
            uri = f"{stem}.verdicts.parquet"
            write_sidecar(uri, pa.table({KEY: rejects[KEY], **{new: rejects[old] for new, old in _COLUMNS.items()}}))
    sidecars += [(column_sidecar(name, "null", pa.string()), uri) for name in _COLUMNS]
    return replace(split.with_mask(np.ones(split.rows, np.bool_)), sidecars=tuple(sidecars))


@dataclass(eq=False)  # not frozen: Beam sets attributes of its own
class WriteVerdicts(beam.PTransform):
    """Splits at the end of their way, to the same with nothing dropped and a verdict on every document."""

    folder: str

    def expand(self, splits: beam.PCollection[Split]) -> beam.PCollection[Split]:  # noqa: D102
        return splits | "Revive" >> beam.Map(revive, self.folder).with_output_types(Split)
