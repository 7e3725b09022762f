"""What the activities' tests share: a real storage, and the simulator where the target must behave as Dataverse does."""

from tests.dataverse.conftest import simulator
from tests.ledger.conftest import azurite, migration, storage

__all__ = ["azurite", "migration", "simulator", "storage"]
