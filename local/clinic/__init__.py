"""A made-up clinic: the export folder of a practice system, with the mess of real ones, at any size.

No person in it exists. ``python -m local.clinic --help`` writes it; the same arguments give the same bytes.
"""
