"""Stage `pii`: what becomes of personal data and secrets that `filters.detectors` find."""
