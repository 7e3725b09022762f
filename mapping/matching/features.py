"""What speaks for and against each home of a field, as numbers that a fitted model weighs."""

from dataclasses import dataclass
from functools import cache

from mapping.matching.compare import Index, agreement
from mapping.matching.datasets import Taken, column_index
from mapping.matching.evidence import said_by_data, used
from mapping.matching.kinds import fit
from mapping.matching.links import KEY_WORDS, object_of
from mapping.matching.roles import NOWHERE, Candidate, Role, general_none, roles
from mapping.matching.tokens import Reader
from mapping.matching.views import FieldView, TableView

#: Homes of a field that are looked at closely.
_LOOKED_AT = 8
#: Below this a name has nothing in common with a column.
_SOMETHING = 0.2
#: From here on a field is called as a column is.
_CALLED_SO = 0.85
#: Agreement of what the neighbours settle.
_NEARLY = 0.9
#: Kinds of fields that data does not open: a person decides.
_WITHHELD = frozenset(("sensitive", "clinical", "derived", "key"))

#: Columns that hold the record's own key.
KEYS = frozenset(("SourcePatientID", "claim_id", "line_id"))

#: Names of the features, in the order of the vectors; the fitted weights are kept by name.
HOME = (
    "bias", "name", "name_square", "exact", "near", "label", "description", "lead", "behind", "none_here", "none_general",
    "fits", "misfits", "reference_fits", "reference_misfits", "flag_for_text", "extra", "extra_name", "elsewhere", "export",
    "custom", "memo", "detail", "role_sure", "by_name", "lookup", "alone", "claimed", "shared", "own_key_home", "key_home",
)  # fmt: skip
NOWHERE_FEATURES = (
    "none_bias", "none_role", "none_role_square", "none_general_name", "none_exact", "best_home", "best_home_square",
    "unknown", "flag", "detail_none", "best_extra", "key_like", "no_role", "export_none", "deep", "unsure_role", "people",
    "own_key", "home_alone", "home_claimed",
)  # fmt: skip
FEATURES = HOME + NOWHERE_FEATURES


@dataclass(frozen=True, slots=True)
class Option:
    """One home a field may have, with its features by name (zero when missing)."""

    candidate: Candidate
    name: float  #: agreement of the names, 0 to 1
    features: dict[str, float]
    data: float = 0.0  #: log-odds that statistics of the values add


@dataclass(frozen=True, slots=True)
class Weighed:
    """A field with all its options; NOWHERE is always one of them."""

    field: FieldView
    options: tuple[Option, ...]
    none_kind: str  #: which kind of field without a home it resembles most
    none_score: float


@cache
def _none_index(role: str) -> Index:
    return Index.of((kind, phrases) for kind, phrases in roles()[role].none.items())


@cache
def _general_index() -> Index:
    return Index.of(general_none().items())


def weigh(view: TableView, taken: Taken) -> list[Weighed]:
    """Every field of a table with the homes it may have in the role the table was taken for."""
    role = taken.role
    said = view.said | role.about
    homes = [column_index(role.name).best(field.spoken, said) for field in view.fields]
    _settle_names(view, role, homes)
    _settle_key(view, role, homes)
    claims: dict[str, list[float]] = {}
    for found in homes:
        for name, score in found.items():
            claims.setdefault(name, []).append(score)
    for scores in claims.values():
        scores.sort(reverse=True)
    return [_weigh(field, view, taken, found, claims) for field, found in zip(view.fields, homes, strict=True)]


def _settle_names(view: TableView, role: Role, homes: list[dict[str, float]]) -> None:
    """What a mere "name" of a person means depends on its neighbours: the part of the name that they leave out."""
    first, last, whole = (f"{role.target}.{part}" for part in ("firstname", "lastname", "fullname"))
    if not {first, last} <= {one.name for one in role.candidates}:
        return
    clear = [max((found.get(part, 0.0) for found in homes), default=0.0) > _CALLED_SO for part in (first, last)]
    for field, found in zip(view.fields, homes, strict=True):
        bare = field.spoken[0].words - view.said - role.about
        if bare == {"name"} or (bare == {"name", "full"} and not any(clear)):
            if clear == [False, True]:
                found[first] = _NEARLY
            elif clear == [True, False]:
                found[last] = _NEARLY
            elif clear == [False, False]:
                found[whole if any(one.name == whole for one in role.candidates) else first] = _NEARLY
            if clear != [False, False]:
                found.pop(whole, None)


def _settle_key(view: TableView, role: Role, homes: list[dict[str, float]]) -> None:
    """The first field called as the table's own key (``billing_no`` of ``billing``) is it, unless another one is called so."""
    key = next((one.name for one in role.candidates if role.head and one.column in KEYS), None)
    if key is None or any(found.get(key, 0.0) > _NEARLY for found in homes):
        return
    said = view.said | role.about
    for field, found in zip(view.fields, homes, strict=True):
        if _is_own_key(field, said) and field.spoken[0].words - KEY_WORDS:
            found[key] = _NEARLY
            return


def _weigh(
    field: FieldView, view: TableView, taken: Taken, homes: dict[str, float], claims: dict[str, list[float]]
) -> Weighed:
    role = taken.role
    said = view.said | role.about
    ranked = sorted(
        ((homes[one.name], one) for one in role.candidates if homes.get(one.name, 0.0) > _SOMETHING),
        key=lambda pair: (-pair[0], pair[1].name),
    )[:_LOOKED_AT]
    opened = used(field.column.evidence)
    none_role = _top(_none_index(role.name).best(field.spoken, said))
    none_general = _top(_general_index().best(field.spoken, said))
    extra = max((score for score, one in ranked if one.extra), default=0.0) if opened else 0.0
    if extra > _CALLED_SO and extra >= none_role[0] and none_role[1] not in _WITHHELD:
        # What is beyond the promise is left out of a schema alone; data that uses it opens its column.
        none_role, none_general = (0.0, none_role[1]), (0.0, none_general[1])
    best = Names(
        ranked=ranked,
        none_role=none_role,
        none_general=none_general,
        opened=opened,
        rivals={one.name: _rival(claims[one.name], score) for score, one in ranked},
        own_key=_is_own_key(field, said),
    )
    options = [_home(field, view, taken, score, one, best) for score, one in ranked]
    options.append(_nowhere(field, taken, best))
    kind = none_role[1] if none_role[0] >= 0.95 * none_general[0] else none_general[1]
    return Weighed(field, tuple(options), kind, max(none_role[0], none_general[0]))


@dataclass(frozen=True, slots=True)
class Names:
    """What the names say of one field, before anything else is looked at."""

    ranked: list[tuple[float, Candidate]]
    none_role: tuple[float, str]
    none_general: tuple[float, str]
    rivals: dict[str, float]  #: for each column, how well the best other field of the table agrees with it
    own_key: bool
    opened: bool  #: data shows that the field is used


def _rival(scores: list[float], own: float) -> float:
    """The best score of another field: the best of all, or the second when the best is one's own."""
    return scores[0] if scores[0] > own else scores[1] if len(scores) > 1 else 0.0


def _is_own_key(field: FieldView, said: frozenset[str]) -> bool:
    """Whether the field is the key of its own table: id, or the table's name with id."""
    words = field.spoken[0].words
    keys = words & KEY_WORDS
    return bool(keys) and words - keys <= said


def _top(found: dict[str, float]) -> tuple[float, str]:
    return max(((score, kind) for kind, score in found.items()), default=(0.0, ""))


def _home(field: FieldView, view: TableView, taken: Taken, score: float, one: Candidate, names: Names) -> Option:
    others = [other for other, rival in names.ranked if rival is not one and (names.opened or not rival.extra)]
    rival = max(others, default=0.0)
    none_role, none_general = names.none_role[0], names.none_general[0]
    claimed = names.rivals[one.name]
    best = fit(field.kind, one.type)
    role = taken.role
    said = view.said | role.about
    label = max((agreement(field.label, each, said) for each in one.phrases), default=0.0) if field.label else 0.0
    told = (
        max((agreement(field.description, each, said) for each in one.phrases), default=0.0)
        if field.description
        else 0.0
    )
    pointed = _points(field, one)
    features = {
        "bias": 1.0,
        "name": score,
        "name_square": score * score,
        "exact": float(score > 0.97),
        "near": float(0.8 < score <= 0.97),
        "label": label,
        "description": told,
        "lead": max(0.0, score - rival),
        "behind": max(0.0, rival - score),
        "none_here": none_role,
        "none_general": none_general,
        "fits": float(best > 0),
        "misfits": float(best < 0),
        "reference_fits": float(pointed > 0),
        "reference_misfits": float(pointed < 0),
        "flag_for_text": float(field.flag and one.type in ("text", "memo", "lookup", "date", "datetime", "integer")),
        "extra": float(one.extra and not names.opened),
        "extra_name": score if one.extra and not names.opened else 0.0,
        "elsewhere": float(one.table != role.target),
        "export": float(one.table.startswith("csv:")),
        "custom": float(one.column.startswith("custom:")),
        "memo": float(one.type == "memo"),
        "detail": float(not role.head),
        "role_sure": taken.confidence,
        "by_name": taken.by_name,
        "lookup": float(one.type in ("lookup", "owner")),
        "alone": float(claimed < 0.5),
        "claimed": max(0.0, claimed - score),
        "shared": float(claimed >= score),
        "own_key_home": float(names.own_key and one.column not in KEYS),
        "key_home": float(one.column in KEYS),
    }
    known = {name: value for name, value in features.items() if value}
    return Option(one, score, known, said_by_data(view.table, field.column, one))


def _points(field: FieldView, one: Candidate) -> float:
    """1 when the field refers to the table that the lookup points at, -1 when to another one, 0 when nobody knows."""
    if field.column.reference is None:
        return 0.0
    target = _object_of(field.column.reference.table)
    if target is None or one.object is None:
        return 0.0
    return 1.0 if target == one.object else -1.0


@cache
def _object_of(table: str) -> str | None:
    return object_of(frozenset(Reader().read(table)))


def _nowhere(field: FieldView, taken: Taken, names: Names) -> Option:
    role: Role = taken.role
    promised = [(score, one) for score, one in names.ranked if names.opened or not one.extra]
    home, top = promised[0] if promised else (0.0, None)
    claimed = names.rivals[top.name] if top is not None else 0.0
    extra = 0.0 if names.opened else max((score for score, one in names.ranked if one.extra), default=0.0)
    none_role, none_general = names.none_role[0], names.none_general[0]
    words = field.spoken[0].words
    features = {
        "none_bias": 1.0,
        "none_role": none_role,
        "none_role_square": none_role * none_role,
        "none_general_name": none_general,
        "none_exact": float(max(none_role, none_general) > 0.97),
        "best_home": home,
        "best_home_square": home * home,
        "unknown": float(home < 0.5 and max(none_role, none_general) < 0.5),
        "flag": float(field.flag),
        "detail_none": float(not role.head),
        "best_extra": extra,
        "key_like": float(bool(words & {"id", "uid", "key"})),
        "no_role": float(not role.candidates),
        "export_none": float(role.target.startswith("csv:")),
        "deep": float(sum(field.column.name.count(sign) for sign in ".[") >= 4),
        "unsure_role": 1.0 - taken.confidence,
        "people": float(role.target in ("contact", "systemuser")),
        "own_key": float(names.own_key),
        "home_alone": home if claimed < 0.5 else 0.0,
        "home_claimed": max(0.0, claimed - home),
    }
    return Option(NOWHERE, max(none_role, none_general), {name: value for name, value in features.items() if value})
