"""Migrations with hosts killed and requests failing at random: the same end as in quiet, row for row."""
