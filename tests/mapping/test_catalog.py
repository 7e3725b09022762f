"""The catalog holds everything the client was promised, and agrees with Dataverse's own metadata."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mapping.catalog import load_catalog
from mapping.catalog.model import CatalogTable

SHARED = Path(os.environ.get("CARRYOVER_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

PROVENANCE = "SourceKey SourceSystem SourceCreatedOn SourceModifiedOn SourceCreatedBy SourceOwner SourceOwnerStatus"
ADDRESS = (
    "address1_line1 address1_line2 address1_line3 address1_city address1_stateorprovince address1_postalcode "
    "address1_county address1_country"
)
HOURS = "HoursMonday HoursTuesday HoursWednesday HoursThursday HoursFriday HoursSaturday HoursSunday TimeZone"

PROMISED = {
    "contact": (
        "firstname middlename lastname salutation suffix nickname birthdate gendercode familystatuscode emailaddress1 "
        "emailaddress2 telephone1 telephone2 mobilephone fax governmentid preferredcontactmethodcode donotemail "
        "donotphone donotfax donotpostalmail donotbulkemail description parentcustomerid ownerid overriddencreatedon "
        "statecode ContactKind SourcePatientID SourceMRN OriginalPatientCreateDate Gender MaritalStatus DeceasedDate "
        "MedicalHistory PrimaryInsuranceCarrier PrimaryPolicyNumber PrimarySubscriberId PreferredPharmacy "
        f"EmergencyContact RecallDate PractitionerRole NPI Specialization {ADDRESS} {PROVENANCE}"
    ),
    "account": f"name telephone1 parentaccountid accountnumber {HOURS} LocationKind NPI {ADDRESS} {PROVENANCE}",
    "task": (
        "subject scheduledstart scheduledend regardingobjectid AppointmentType AppointmentStatus SourceStatus Duration "
        f"Practitioner Location statecode {PROVENANCE}"
    ),
    "appointment": (
        "subject scheduledstart scheduledend regardingobjectid AppointmentType AppointmentStatus SourceStatus Duration "
        f"Practitioner Location statecode {PROVENANCE}"
    ),
    "opportunity": (
        "name customerid parentaccountid estimatedvalue estimatedclosedate statecode ReferralType ReferredTo "
        + PROVENANCE
    ),
    "annotation": "subject notetext filename mimetype documentbody objectid overriddencreatedon",
    "systemuser": "internalemailaddress",
    "ClinicAppointment": (
        "Name ScheduledDate Duration AppointmentType Status SourceStatus SeriesId Practitioner Patient Location Notes "
        + PROVENANCE
    ),
    "ClinicEncounter": (
        "Name EncounterDate EncounterEnd EncounterType Diagnoses PrimaryDiagnosisCode ClinicalNotes TreatmentPlan "
        f"Patient Practitioner Location Appointment {PROVENANCE}"
    ),
    "ClinicInsurance": (
        "Name Carrier PolicyNumber GroupNumber SubscriberId SubscriberName Relationship CoverageOrder PayerId PlanName "
        "EligibilityStatus EligibilityResult EligibilityCheckedOn CoverageStart CoverageEnd Patient " + PROVENANCE
    ),
    "ClinicPrescription": (
        "Name MedicationName MedicationCode CodeSystem Dosage Frequency Quantity Refills PrescribedDate EndDate Status "
        f"DEASchedule Prescriber Patient Encounter {PROVENANCE}"
    ),
    "ClinicReferral": (
        "Name ReferralSource ReferralType ReferredTo Reason Status ReferralDate Patient Practitioner " + PROVENANCE
    ),
    "PractitionerSpecialization": f"Practitioner Specialization Primary {PROVENANCE}",
    "PatientPropertyValue": f"Patient Property Value {PROVENANCE}",
    "ClinicLocation": f"Name {HOURS} {PROVENANCE}",
}

TYPES = {
    ("ClinicAppointment", "ScheduledDate"): "datetime",
    ("ClinicAppointment", "Duration"): "integer",
    ("ClinicEncounter", "Diagnoses"): "memo",
    ("ClinicInsurance", "CoverageStart"): "date",
    ("contact", "OriginalPatientCreateDate"): "datetime",
    ("contact", "birthdate"): "date",
    ("contact", "NPI"): "text",
    ("opportunity", "estimatedvalue"): "money",
}

OPTIONS = {
    ("ClinicAppointment", "Status"): [
        "Scheduled", "Confirmed", "Arrived", "Completed", "No-show", "Cancelled", "Rescheduled", "Other",
    ],
    ("ClinicPrescription", "DEASchedule"): ["None", "I", "II", "III", "IV", "V", "Unknown"],
    ("ClinicInsurance", "CoverageOrder"): ["Primary", "Secondary", "Tertiary"],
    ("ClinicReferral", "ReferralType"): ["Inbound", "Outbound"],
    ("contact", "PractitionerRole"): ["Physician", "Nurse", "Technician", "Admin", "Other"],
    ("contact", "SourceOwnerStatus"): ["Active", "Inactive", "Unknown"],
    ("account", "LocationKind"): ["Clinic", "Satellite", "Referral source"],
}  # fmt: skip


@pytest.mark.parametrize("table", PROMISED)
def test_every_promised_column_is_there(table: str) -> None:
    assert set(PROMISED[table].split()) - set(load_catalog().tables[table].columns) == set()


def test_types_and_lengths_of_the_promise() -> None:
    catalog = load_catalog()
    for (table, column), type_ in TYPES.items():
        assert catalog.tables[table].columns[column].type == type_, (table, column)
    assert catalog.tables["ClinicEncounter"].columns["ClinicalNotes"].max_length == 1_048_576
    assert catalog.tables["contact"].columns["NPI"].max_length == 10


def test_fixed_options_start_with_the_promised_ones() -> None:
    catalog = load_catalog()
    for (table, column), labels in OPTIONS.items():
        assert list(catalog.tables[table].columns[column].options)[: len(labels)] == labels, (table, column)


def test_every_text_has_a_length_and_every_lookup_a_target() -> None:
    for table in load_catalog().tables.values():
        for column in table.columns.values():
            if column.type in ("text", "memo"):
                assert column.max_length, (table.name, column.name)
            if column.type == "lookup":
                assert column.targets, (table.name, column.name)
            if column.type in ("choice", "choices"):
                assert column.options or column.open, (table.name, column.name)


def test_no_two_columns_of_a_table_share_a_logical_name() -> None:
    for table in load_catalog().tables.values():
        ours = [c.name.lower() for c in table.columns.values() if not c.standard]
        assert len(ours) == len(set(ours)), table.name


def _metadata(table: str) -> dict[str, Any]:
    path = SHARED / "dataverse" / "entity-metadata" / f"{table}.json"
    if not path.exists():
        pytest.skip(f"no Dataverse metadata dump at {path}")
    attributes: list[dict[str, Any]] = json.loads(path.read_text())["Attributes"]
    return {attribute["name"]: attribute for attribute in attributes}


@pytest.mark.parametrize("table", ["contact", "account", "annotation"])
def test_standard_columns_are_as_dataverse_has_them(table: str) -> None:
    attributes = _metadata(table)
    for column in load_catalog().tables[table].columns.values():
        if not column.standard:
            assert column.name not in attributes
            continue
        real = attributes[column.name]
        assert column.standard_schema == real["schema"]
        if column.max_length is not None:
            assert column.max_length == int(real["MaxLength"]), column.name
        if isinstance(column.options, dict):
            assert list(column.options.values()) == [int(option[0]) for option in real["Options"]], column.name
            assert list(column.options) == [option[1] for option in real["Options"]], column.name
        if column.create_only:
            assert (real["create"], real["update"]) == ("true", "false")


@pytest.mark.parametrize("table", load_catalog().tables.values(), ids=lambda one: str(one.name))
def test_what_records_need_is_a_column_of_the_table(table: CatalogTable) -> None:
    assert table.required
    assert {name for needed in table.required.values() for name in needed} <= set(table.columns)
