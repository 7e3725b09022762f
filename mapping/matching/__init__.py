"""Proposes a home for every field of a clinic system that has no profile. Pure: names, types and statistics in, words out."""
