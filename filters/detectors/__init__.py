"""Detectors of personal data and secrets: a shape that finds candidates, a proof that decides about each."""
