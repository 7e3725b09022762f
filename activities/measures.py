"""What a bucket's shaped records measure, object by object: texts, dates, empty cells, ids. One look at each file."""

from collections.abc import Iterable
from typing import Any, Final

from ledger import duck
from ledger.chunks import longest_line
from mapping.spans import dated_by, span
from sources.patterns import SSN_WITHIN
from sources.profile import Profile
from sources.shaping import ShapedBucket

#: The day of a date with a time: without what follows, there are few different ones.
_DAY: Final = r"^([A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2} [A-Za-z]{3,9}\.? \d{4}|[^ T]+)"

Measures = dict[str, dict[str, Any]]


def measure(profile: Profile, shaped: ShapedBucket) -> Measures:
    """By object: ``records`` that are not left out, of these ``cells`` of mapped fields and ``filled`` ones, ``first``
    and ``last`` day; ``duplicates`` and ``without_id`` of all; ``like_ssn``, ids that look like social security numbers;
    ``lengths``, the longest text of each field."""
    found: Measures = {}
    with duck.json_cursor() as db:
        for name, (rows, path) in shaped.objects.items():
            if not rows:
                continue
            routes = profile.map.get(name, {}).get("routes", [])
            fields = sorted({field["source"] for route in routes for field in route["fields"]})
            mapped = {
                field["source"] for route in routes for field in route["fields"] if field.get("status") != "ignored"
            }
            when = dated_by(name, routes)
            columns = ", ".join(f"'{field}': 'VARCHAR'" for field in {*fields, "_id", "_excluded", when.source})
            here = "FILTER (_excluded IS NULL)"
            filled = "".join(f""" + count(nullif("{field}", '')) {here}""" for field in sorted(mapped))
            lengths = "".join(f', max(length("{field}"))' for field in fields)
            records, ids, different, like_ssn, cells, days, *longest = (
                db.execute(
                    f"SELECT count(*) {here}, count(_id), count(DISTINCT _id), "
                    f"count(*) FILTER (regexp_matches(_id, $ssn)), 0{filled}, "
                    f'list(DISTINCT regexp_extract("{when.source}", $day)) {here}{lengths} '
                    "FROM read_json($file, format='newline_delimited', compression='gzip', "
                    f"maximum_object_size={longest_line(path)}, columns={{{columns}}})",
                    {"file": str(path), "ssn": SSN_WITHIN, "day": _DAY},
                ).fetchone()
                or ()
            )
            dates = span(name, when, [day for day in days or () if day], profile.time_zone)
            found[name] = {
                "records": records,
                "cells": records * len(mapped),
                "filled": cells,
                "first": dates[0] if dates else None,
                "last": dates[1] if dates else None,
                "duplicates": ids - different,
                "without_id": rows - ids,
                "like_ssn": like_ssn,
                "lengths": {field: length for field, length in zip(fields, longest, strict=True) if length},
            }
    return found


#: What adds up over buckets.
_SUMS: Final = ("records", "cells", "filled", "duplicates", "without_id", "like_ssn")


def add_up(parts: Iterable[Measures]) -> Measures:
    """The measures of several buckets as one."""
    total: Measures = {}
    for part in parts:
        for name, one in part.items():
            known = total.setdefault(name, dict.fromkeys(_SUMS, 0) | {"first": None, "last": None, "lengths": {}})
            for key in _SUMS:
                known[key] += one[key]
            known["first"] = min(filter(None, (known["first"], one["first"])), default=None)
            known["last"] = max(filter(None, (known["last"], one["last"])), default=None)
            for field, length in one["lengths"].items():
                known["lengths"][field] = max(known["lengths"].get(field, 0), length)
    return total
