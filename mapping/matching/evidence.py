"""What statistics of a column say for and against a home, in log-odds. Set by hand: the gold systems have no data."""

from typing import Final

from mapping.matching.compare import Spoken
from mapping.matching.kinds import fit, kind_of
from mapping.matching.model import Column, Evidence, Table
from mapping.matching.roles import Candidate
from mapping.matching.values import answers

#: A pattern that this share of the filled cells has is what the column holds; below the second it is not.
USUAL, RARE = 0.8, 0.2
#: Rows that have to be filled before their patterns are believed.
_ENOUGH = 5
#: A field counts as used when this share of its rows is filled.
_USED = 0.02
#: More different values than this are no choice among fixed options.
_MANY = 60

_PATTERNS: Final[dict[str, frozenset[str]]] = {
    "email": frozenset(("emailaddress1", "emailaddress2", "internalemailaddress")),
    "phone": frozenset(("telephone1", "telephone2", "mobilephone", "fax")),
    "zip": frozenset(("address1_postalcode", "address2_postalcode")),
    "ssn": frozenset(("governmentid",)),
    "npi": frozenset(("NPI",)),
    "url": frozenset(("websiteurl", "documentbody")),
    "icd10": frozenset(("Diagnoses", "PrimaryDiagnosisCode", "icd10_codes")),
    "cpt": frozenset(("cpt_code",)),
    "file": frozenset(("filename", "documentbody")),
    "state": frozenset(("address1_stateorprovince", "address2_stateorprovince")),
}
#: Patterns that a column of that kind cannot be without.
_STRICT: Final = frozenset(("email",))
#: Pattern -> words, for a column whose name says nothing.
_WORDS: Final[dict[str, frozenset[str]]] = {
    "email": frozenset(("email",)), "phone": frozenset(("phone",)), "ssn": frozenset(("ssn",)), "npi": frozenset(("npi",)),
    "icd10": frozenset(("icd10",)), "file": frozenset(("file", "name")), "state": frozenset(("state",)),
    "zip": frozenset(("postal", "code")),
}  # fmt: skip
_TRUST = 0.7

_FITS, _AGAINST, _ANSWERED, _KEY = 1.0, 1.5, 1.2, 1.5
_KEYS: Final = frozenset(("SourcePatientID", "claim_id", "line_id", "SourceMRN"))


def used(evidence: Evidence | None) -> bool:
    """Whether data shows that a field is really filled."""
    return evidence is not None and evidence.filled > _USED * (evidence.filled + evidence.empty)


def told_by(column: Column) -> list[Spoken]:
    """What the values call a column whose name says nothing."""
    evidence = column.evidence
    if evidence is None or evidence.filled < _ENOUGH:
        return []
    return [Spoken(words, _TRUST) for pattern, words in _WORDS.items() if evidence.patterns.get(pattern, 0.0) >= USUAL][
        :1
    ]


def said_by_data(table: Table, column: Column, one: Candidate) -> float:
    """Log-odds for a home: patterns, answered values, being the key. 0 when there is no data."""
    evidence = column.evidence
    said = 0.0
    if column.name in table.key and len(table.key) == 1 and one.column in ("SourcePatientID", "claim_id", "line_id"):
        said += _KEY
    if evidence is None or not evidence.filled:
        return said
    if evidence.filled >= _ENOUGH:
        said += _patterns(evidence, one)
        if one.column in _KEYS and evidence.distinct * 2 < evidence.filled:
            said -= _AGAINST
    if fit(kind_of(column), one.type) < 0:
        said -= _AGAINST
    return said + _choice(evidence, one)


def _patterns(evidence: Evidence, one: Candidate) -> float:
    said = 0.0
    for pattern, columns in _PATTERNS.items():
        share = evidence.patterns.get(pattern, 0.0)
        if one.column in columns:
            said += _FITS if share >= USUAL else -_AGAINST if share < RARE and pattern in _STRICT else 0.0
        elif share >= USUAL and pattern in _STRICT:
            said -= _AGAINST
    return said


def _choice(evidence: Evidence, one: Candidate) -> float:
    """Whether the values are what a choice with fixed options knows."""
    if one.type not in ("choice", "state"):
        return 0.0
    if evidence.values is None:
        return -_AGAINST if evidence.distinct > _MANY else 0.0
    known = answers(one.table, one.column, evidence.values)
    if known is None or not (known.values or known.unanswered):
        return 0.0
    share = len(known.values) / (len(known.values) + len(known.unanswered))
    return _ANSWERED if share > 0.5 else -_ANSWERED / 2 if not share else 0.0
