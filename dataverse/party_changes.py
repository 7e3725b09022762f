"""Changes of rows whose parties may change with them."""

from collections.abc import Sequence
from typing import Final

from dataverse import query
from dataverse.changes import Change, change_rows
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, DataverseError, systemic
from dataverse.outcomes import RowOutcome
from dataverse.parties import read_parties
from dataverse.together import together
from mapping.parties import MASKS, body_of, parties_of

#: Parties that the service keeps itself: what the activity is about, and its owner.
_OWN: Final = frozenset({8, 9})


async def change_with_parties(client: DataverseClient, changes: Sequence[Change]) -> list[RowOutcome]:
    """``change_rows`` for changes whose bodies may set party columns, too: these replace the row's parties of that kind,
    and all others stay. A row whose columns landed and whose parties did not is ``unknown``: it is worked again."""
    bodies = [dict(change.body or {}) for change in changes]
    parties = [{name: body.pop(name) for name in list(body) if name in MASKS} for body in bodies]
    plain = [
        Change(change.method, change.table, change.id, body, change.etag)
        for change, body, own in zip(changes, bodies, parties, strict=True)
        if body or not own
    ]
    sent = iter(await change_rows(client, plain))
    outcomes = [
        next(sent) if body or not own else RowOutcome(number, True)
        for number, (body, own) in enumerate(zip(bodies, parties, strict=True))
    ]
    todo = [number for number, own in enumerate(parties) if own and outcomes[number].ok]
    current = await read_parties(client, [changes[number].id for number in todo]) if todo else {}

    async def replace(number: int) -> None:
        change = changes[number]
        kept = {mask: some for mask, some in current.get(query.guid(change.id), {}).items() if mask not in _OWN}
        value = body_of(kept | {MASKS[name]: parties_of(text) for name, text in parties[number].items()})
        address = f"{query.row(change.table.set_name, change.id)}/{change.table.logical}_activity_parties"
        try:
            await client.request("PUT", address, json={"value": value}, table=change.table.logical)
        except DataverseError as error:
            if isinstance(error, AuthRefused) or systemic(error):
                raise
            failed = RowOutcome.failed(number, error)
            outcomes[number] = RowOutcome(
                number, False, failed.code, failed.message, unknown=bool(bodies[number]) or failed.unknown
            )

    await together(replace(number) for number in todo)
    return [
        RowOutcome(number, one.ok, one.code, one.message, one.column, one.unknown)
        for number, one in enumerate(outcomes)
    ]
