"""Both shared Synthea sets, against counts that the standard library's csv module makes of the same files."""

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.sources.helpers import Shaped, shape_folder, shared, table

SETS = ("synthea-csv", "synthea-csv-claims")


@pytest.fixture(scope="module", params=SETS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Shaped]:
    source = shared(request.param)
    return source, shape_folder(source, tmp_path_factory.mktemp(request.param), buckets=3)


def test_every_file_is_a_dataset_and_every_row_is_staged(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    assert shaped.detection.profile.name == "synthea"
    assert shaped.detection.unknown_files == []
    assert shaped.rows == {path.stem: len(table(path)) for path in source.glob("*.csv")}


def test_one_record_per_row_of_the_dataset_that_feeds_it(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    feeds = {"patient": "patients", "location": "organizations", "practitioner": "providers", "encounter": "encounters",
             "prescription": "medications", "insurance": "payer_transitions", "claim": "claims"}  # fmt: skip
    for name, dataset in feeds.items():
        path = source / f"{dataset}.csv"
        rows = len(table(path)) if path.exists() else 0
        assert len(shaped.of(name)) == rows, name
        assert shaped.accounts.get(dataset, Counter())[f"fed:{name}"] == rows, name
        assert len(shaped.by_id(name)) == rows, f"ids of {name} are not unique"


def test_source_ids_are_kept(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    for name, dataset in {"patient": "patients", "location": "organizations", "encounter": "encounters"}.items():
        assert set(shaped.by_id(name)) == {row["Id"] for row in table(source / f"{dataset}.csv")}


def test_periods_without_insurance_become_no_policy(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    uninsured = {row["Id"] for row in table(source / "payers.csv") if row["NAME"] == "NO_INSURANCE"}
    expected = sum(row["PAYER"] in uninsured for row in table(source / "payer_transitions.csv"))
    assert expected > 0
    assert Counter(record["_excluded"] for record in shaped.of("insurance"))["no_insurance"] == expected


def test_current_coverage_is_on_the_patient(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    payers = {row["Id"]: row["NAME"] for row in table(source / "payers.csv")}
    latest: dict[str, tuple[str, str]] = {}
    for row in table(source / "payer_transitions.csv"):
        start = row.get("START_DATE") or row.get("START_YEAR") or ""
        latest[row["PATIENT"]] = max(latest.get(row["PATIENT"], ("", "")), (start, payers[row["PAYER"]]))
    for record in shaped.of("patient"):
        name = latest.get(record["_id"], ("", None))[1]
        assert record["primary_carrier"] == (None if name == "NO_INSURANCE" else name)


def test_diagnoses_are_the_reason_and_the_conditions_each_code_once(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    codes: dict[str, list[str]] = defaultdict(list)
    for row in table(source / "encounters.csv"):
        if row["REASONCODE"]:
            codes[row["Id"]].append(row["REASONCODE"])
    conditions = table(source / "conditions.csv")
    for row in conditions:
        codes[row["ENCOUNTER"]].append(row["CODE"])
    assert shaped.accounts["conditions"] == {"merged:encounter": len(conditions)}
    for record in shaped.of("encounter"):
        wanted = list(dict.fromkeys(codes[record["_id"]]))
        got = [line.split(" ")[1] for line in (record["diagnoses"] or "").split("\n") if line]
        assert got == wanted
        assert record["primary_code"] == (wanted[0] if wanted else None)


def test_care_plans_are_in_the_treatment_plan(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    plans = Counter(row["ENCOUNTER"] for row in table(source / "careplans.csv"))
    assert shaped.accounts["careplans"] == {"merged:encounter": sum(plans.values())}
    for record in shaped.of("encounter"):
        assert len((record["treatment_plan"] or "").splitlines()) == plans[record["_id"]]


def test_prescriptions_know_the_prescriber_of_their_encounter(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    providers = {row["Id"]: row["PROVIDER"] for row in table(source / "encounters.csv")}
    for record in shaped.of("prescription"):
        assert record["prescriber"] == record["_practitioner"] == providers[record["ENCOUNTER"]]


def test_names_keep_their_digits_and_properties_are_what_is_filled(run: tuple[Path, Shaped]) -> None:
    source, shaped = run
    for row in table(source / "providers.csv"):
        record = shaped.by_id("practitioner")[row["Id"]]
        assert f"{record['first_name']} {record['last_name']}" == row["NAME"]
    wanted = ["RACE", "ETHNICITY", "BIRTHPLACE", "DRIVERS", "PASSPORT", "MAIDEN", "FIPS", "INCOME"]
    wanted += ["HEALTHCARE_EXPENSES", "HEALTHCARE_COVERAGE"]
    for row in table(source / "patients.csv"):
        record = shaped.by_id("patient")[row["Id"]]
        assert record["properties"] == {name: row[name] for name in wanted if row.get(name)}
        assert record["ZIP"] == (row["ZIP"] or None)


def test_out_of_scope_rows_are_listed_one_by_one(run: tuple[Path, Shaped]) -> None:
    _, shaped = run
    for dataset in ("allergies", "devices", "supplies", "immunizations", "imaging_studies"):
        numbers = sorted(row["_row"] for row in shaped.left_out if row["dataset"] == dataset)
        assert numbers == list(range(shaped.rows[dataset]))


def test_claims_keep_every_transaction_and_every_cent(tmp_path: Path) -> None:
    source = shared("synthea-csv-claims")
    shaped = shape_folder(source, tmp_path)
    moves = table(source / "claims_transactions.csv")
    assert shaped.accounts["claims_transactions"] == {"merged:claim": len(moves)}
    claims = shaped.of("claim")
    nested = Counter(
        {kind: sum(len(claim[kind]) for claim in claims) for kind in ("lines", "payments", "adjustments", "transfers")}
    )
    assert nested.total() == len(moves)
    for kind, amount, type_, column in (
        ("lines", "charge", "CHARGE", "AMOUNT"),
        ("payments", "amount", "PAYMENT", "PAYMENTS"),
    ):
        got = sum(Decimal(one[amount]) for claim in claims for one in claim[kind])
        assert got == sum(Decimal(row[column]) for row in moves if row["TYPE"] == type_)
    assert all(line["code_system"] for claim in claims for line in claim["lines"])
    assert not {claim["secondary_payer_id"] for claim in claims} & {"0", ""}


def test_the_number_of_buckets_changes_nothing(tmp_path: Path) -> None:
    source = shared("synthea-csv-claims")
    one, five = (shape_folder(source, tmp_path / str(n), buckets=n) for n in (1, 5))
    assert one.accounts == five.accounts
    for name, records in one.records.items():
        assert sorted(map(repr, records)) == sorted(map(repr, five.of(name))), name
