"""Storage for the activities' tests that need a real one: see the ledger's."""

from tests.ledger.conftest import azurite, migration, storage

__all__ = ["azurite", "migration", "storage"]
