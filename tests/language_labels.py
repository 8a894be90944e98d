"""Labels of a language model in the shape of GlotLID's: ISO 639-3 with a script."""

GLOTLID_LIKE = (
    "eng_Latn",
    "srp_Cyrl",
    "srp_Latn",
    "arb_Arab",
    "arz_Arab",
    "cmn_Hani",
    "nob_Latn",
    "zxx_Zxxx",
    "twi_Latn",
)
