"""A retry of chosen causes: which records of a plan it takes up. All others stay as the run before listed them.

A record is taken up for its own exception when that has a chosen cause, else for those of its fields; and whatever waited
for a parent that is in the target now comes with it. Works on the tables that ``activities.planning`` has made.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

#: What a plan says of a record that is not taken up: one that was excepted and still is, and one that no run came to.
HELD: Final = "held"
LEFT: Final = "left"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The codes whose exceptions of one object are retried: those of records (or of derived rows), and those of fields."""

    records: list[str]
    fields: list[str]

    @classmethod
    def of(cls, object_name: str, causes: Iterable[str]) -> Self:
        """Of this object. ``causes``: groups of exceptions, as ``ExceptionRow.group`` names them."""
        parts = [cause.split("/", 2) for cause in causes]
        own = [(kind, code) for name, kind, code in parts if name == object_name]
        return cls([code for kind, code in own if kind != "field"], [code for kind, code in own if kind == "field"])


#: Before anything is listed: a run may have excepted nothing of the object.
NOTHING_LISTED: Final = """
CREATE TEMP TABLE listed (source_id VARCHAR, field VARCHAR, code VARCHAR, message VARCHAR, cause VARCHAR, "column" VARCHAR,
                          chosen BOOLEAN)
"""
#: What the run before listed of this object. The second record of an id is told by every plan, whatever is chosen.
LISTED: Final = """
INSERT INTO listed
SELECT source_id, field, code, message, cause, "column",
       list_contains(CASE WHEN field IS NULL THEN $records ELSE $fields END, code)
FROM read_json($listed, format = 'newline_delimited', compression = 'gzip', columns =
  {source_id: 'VARCHAR', field: 'VARCHAR', code: 'VARCHAR', message: 'VARCHAR', cause: 'VARCHAR', "column": 'VARCHAR'})
WHERE code <> 'duplicate_id'
"""
#: The same, a row for each record: whether it was lost, and what it is taken up again for.
TOLD: Final = """
CREATE TEMP TABLE told AS
SELECT source_id, bool_or(field IS NULL) AS lost,
       coalesce(bool_or(chosen OR code = 'missing_parent') FILTER (field IS NULL), false) AS record_again,
       coalesce(bool_or(field IS NOT NULL), false) AS has_fields,
       coalesce(bool_or(chosen) FILTER (field IS NOT NULL), false) AS fields_again,
       coalesce(list(field) FILTER (field IS NOT NULL AND code = 'missing_parent'), []) AS waits
FROM listed GROUP BY 1
"""


def hold(writes: str) -> str:
    """The statement that holds back, in the table ``plan``, what is not taken up. ``writes``: actions that write, in SQL."""
    return f"""
CREATE OR REPLACE TEMP TABLE plan AS
WITH known AS (
  SELECT p.*, action IN ({writes}) AS writes, coalesce(t.lost, false) AS lost, coalesce(t.has_fields, false) AS has_fields,
         CASE WHEN action IN ({writes}) AND t.lost THEN t.record_again
              ELSE t.fields_again OR len(list_filter(t.waits, lambda one: NOT list_contains(
                     coalesce(list_transform(p.missing, lambda x: x.column), []), one))) > 0 END AS taken
  FROM plan AS p LEFT JOIN told AS t USING (source_id)),
rests AS (
  SELECT *, NOT coalesce(taken, false) AND (
              writes OR todo_link OR todo_state OR action = 'unchanged' AND len(refused) > 0) AS rests FROM known)
SELECT * EXCLUDE (writes, lost, has_fields, taken, rests) REPLACE (
         CASE WHEN rests AND writes THEN CASE WHEN lost THEN '{HELD}' ELSE '{LEFT}' END ELSE action END AS action,
         todo_link AND NOT rests AS todo_link, todo_state AND NOT rests AS todo_state,
         rests AND CASE WHEN writes THEN lost ELSE has_fields END AS held)
FROM rests
"""


#: What was listed of the records that are held back; a record that has its row in the target was not lost.
CARRIED: Final = f"""
SELECT l.source_id, l.field, l.code, l.message, l.cause, l."column"
FROM listed AS l JOIN plan AS p USING (source_id) WHERE p.held AND (p.action = '{HELD}' OR l.field IS NOT NULL) ORDER BY 1, 2
"""
