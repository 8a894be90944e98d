"""Codes of languages: one for each, whatever a model or a recipe calls it; errors that name a near one."""

import pytest

from filters.errors import RecipeError
from filters.language import LanguageParams, prepare
from filters.language_codes import canonical_code, resolve_code
from filters.language_model import load_model
from tests.language_labels import GLOTLID_LIKE


@pytest.mark.parametrize(
    ("label", "code"),
    [
        # Two letters where there are two, macrolanguages as CLDR has them.
        ("en", "en"), ("eng", "en"), ("eng_Latn", "en"), ("arb_Arab", "ar"), ("pes_Arab", "fa"), ("swh_Latn", "sw"),
        ("zsm_Latn", "ms"), ("ekk_Latn", "et"), ("lvs_Latn", "lv"), ("npi_Deva", "ne"), ("ory_Orya", "or"),
        ("iw", "he"),
        # Not the macrolanguage: what is written and read apart stays apart.
        ("arz_Arab", "arz"), ("yue_Hant", "yue"), ("nob_Latn", "nb"), ("nno_Latn", "nn"), ("ckb_Arab", "ckb"),
        # The usual script is left out, another is not.
        ("srp_Cyrl", "sr"), ("srp_Latn", "sr-Latn"), ("zho_Hans", "zh"), ("zho_Hant", "zh-Hant"), ("cmn_Hani", "zh"),
        ("kor_Hang", "ko"), ("jpn_Jpan", "ja"), ("uzn_Latn", "uz"), ("uzn_Cyrl", "uz-Cyrl"), ("azj_Latn", "az"),
        ("kas_Deva", "ks-Deva"), ("mni_Beng", "mni"), ("aai_Latn", "aai"), ("hin_Latn", "hi-Latn"),
        # Wikipedia's codes in lid.176, and what is no language.
        ("als", "gsw"), ("als_Latn", "sq"), ("sh", "sh"), ("hbs_Latn", "sh"), ("tl", "fil"), ("bh", "bho"),
        ("eml", "eml"),
        ("und_Latn", "und-Latn"), ("zxx_Zxxx", "zxx-Zxxx"), ("hq", "hq"), ("wiki page", "wiki page"), ("", ""),
    ],
)  # fmt: skip
def test_a_label_has_one_code(label, code):
    assert canonical_code(label) == code
    assert canonical_code(code) == code


def test_labels_of_the_small_model_stay_apart():
    labels = load_model(None).labels
    assert len(labels) == len({canonical_code(label) for label in labels}) == 176


@pytest.mark.parametrize(
    ("code", "labels", "stands_for"),
    [
        ("eng", GLOTLID_LIKE, {"en"}), ("en", GLOTLID_LIKE, {"en"}), ("eng_Latn", GLOTLID_LIKE, {"en"}),
        ("EN-latn", GLOTLID_LIKE, {"en"}), ("sr", GLOTLID_LIKE, {"sr", "sr-Latn"}),
        ("sr-Latn", GLOTLID_LIKE, {"sr-Latn"}),
        ("sr-Cyrl", GLOTLID_LIKE, {"sr"}), ("srp_Latn", GLOTLID_LIKE, {"sr-Latn"}), ("ar", GLOTLID_LIKE, {"ar"}),
        ("arz", GLOTLID_LIKE, {"arz"}), ("zh", GLOTLID_LIKE, {"zh"}), ("und", GLOTLID_LIKE, {"und"}),
        ("als", ("als", "sq"), {"gsw"}), ("als", ("gsw_Latn", "als_Latn"), {"sq"}),
        ("zh", ("zho_Hans", "zho_Hant"), {"zh", "zh-Hant"}),
        ("zh-Hans", ("zho_Hans", "zho_Hant"), {"zh"}), ("hq", ("hq", "cc"), {"hq"}),
    ],
)  # fmt: skip
def test_a_code_of_a_recipe_stands_for_labels(code, labels, stands_for):
    assert resolve_code(code, labels, "m.bin") == stands_for


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("nb", "did you mean no"), ("zh-Hant", "did you mean zh"), ("pt-BR", "did you mean pt"),
        ("xx", "'xx' is no language code"),
        ("english", "did you mean en"), ("gremlin", "is no language code"), ("tlh", "'tlh'"),
        ("", "'' is no language code"),
        ("en en", "is no language code"),
    ],
)  # fmt: skip
def test_a_code_that_cannot_be_is_refused_with_a_near_one(code, message):
    for params in ({"allow": ("de", code)}, {"min_scores": {code: 0.5}}):
        with pytest.raises(RecipeError) as refused:
            prepare(LanguageParams(**params))
        assert message in str(refused.value)
