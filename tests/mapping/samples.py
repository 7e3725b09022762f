"""A small map over every object that becomes rows, and one hand-made record of each, for the tests of the compiler."""

from typing import Any

from mapping.catalog import build_schema
from mapping.compile import CompiledMap, compile_map
from mapping.model import ClinicMap
from mapping.owners import OwnerMatch, Owners


def field(source: str, column: str | None, transform: str = "text", **more: Any) -> dict[str, Any]:
    return {"source": source, "column": column, "transform": transform, **more}


def link(source: str, column: str, object: str, *, required: bool = False) -> dict[str, Any]:
    return field(source, column, "lookup", args={"object": object, "required": required})


def route(table: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"table": table, "fields": list(fields), **more}


OBJECTS: dict[str, Any] = {
    "staff": {"routes": [route("systemuser", field("email", "internalemailaddress", "email"))]},
    "location": {
        "routes": [
            route(
                "account",
                field("name", "name"),
                field("kind", "LocationKind", "choice"),
                link("parent", "parentaccountid", "location"),
            )
        ]
    },
    "practitioner": {
        "routes": [
            route(
                "contact",
                field("first", "firstname"),
                field("last", "lastname"),
                field("npi", "NPI", "npi"),
                field("kind", "ContactKind", "choice"),
                field("role", "PractitionerRole", "choice", values={"MD": "Physician"}, args={"default": "Other"}),
            )
        ]
    },
    "patient": {
        "routes": [
            route(
                "contact",
                field("id", "SourcePatientID", "identifier"),
                field("first", "firstname", phi="name"),
                field("last", "lastname", phi="name"),
                field("dob", "birthdate", "date"),
                field("sex", "gendercode", "choice", values={"M": "Male", "F": "Female", "X": None}),
                field("sex", "Gender", "choice", values={"M": None, "F": None, "X": "Non-binary"}),
                field("since", "OriginalPatientCreateDate", "datetime"),
                field("status", None, "state", values={"A": "active", "I": "inactive"}),
                field("properties.Hobbies", "Hobbies", "choices"),
                field("properties.Shoe size", "ShoeSize", "integer"),
                field("properties.Chart color", None, status="ignored", reason="paper only"),
                link("home", "parentcustomerid", "location"),
            )
        ]
    },
    "insurance": {
        "routes": [
            route(
                "ClinicInsurance",
                field("title", "Name"),
                field("carrier", "Carrier"),
                field("from", "CoverageStart", "date"),
                link("patient", "Patient", "patient", required=True),
            )
        ]
    },
    "appointment": {
        "routes": [
            route(
                "ClinicAppointment",
                field("title", "Name"),
                field("start", "ScheduledDate", "datetime"),
                field("length", "Duration", "duration", args={"unit": "seconds"}),
                field("type", "AppointmentType", "choice"),
                field("status", "Status", "choice", values={"@": "Arrived", "x": "Cancelled"}),
                field("status", "SourceStatus"),
                link("patient", "Patient", "patient", required=True),
                link("practitioner", "Practitioner", "practitioner"),
            )
        ]
    },
    "encounter": {
        "routes": [
            route(
                "ClinicEncounter",
                field("date", "EncounterDate", "datetime"),
                field("diagnoses", "Diagnoses", "lines", args={"keys": ["system", "code", "text"]}),
                field("notes", "ClinicalNotes", "html_to_text"),
                link("patient", "Patient", "patient", required=True),
                link("appointment", "Appointment", "appointment"),
            )
        ]
    },
    "prescription": {
        "routes": [
            route(
                "ClinicPrescription",
                field("drug", "Name"),
                field("drug", "MedicationName"),
                field("code", "MedicationCode", "identifier"),
                field("drug", "DEASchedule", "drug_schedule", args={"fields": ["code"]}),
                field("dose", "Dosage"),
                field("often", "Frequency"),
                field("amount", "Quantity"),
                field("refills", "Refills", "integer"),
                field("sig", "Instructions"),
                field("date", "PrescribedDate", "datetime"),
                link("patient", "Patient", "patient", required=True),
                link("encounter", "Encounter", "encounter"),
            )
        ]
    },
    "referral": {
        "routes": [
            route(
                "opportunity",
                field("title", "name"),
                field("amount", "estimatedvalue", "money"),
                field("status", None, "state", values={"done": "won", "open": None, "no": "lost"}),
                link("patient", "customerid", "patient", required=True),
                when={"field": "amount", "above": 0},
            ),
            route(
                "ClinicReferral",
                field("title", "Name"),
                field("status", "Status", "choice", values={"done": "Completed", "open": "Active", "no": "Rejected"}),
                link("patient", "Patient", "patient", required=True),
            ),
        ]
    },
    "document": {
        "routes": [
            route(
                "annotation",
                field("title", "subject"),
                field("text", "notetext"),
                field("file", "filename"),
                field("uploaded", "overriddencreatedon", "datetime"),
                link("patient", "objectid", "patient", required=True),
            )
        ]
    },
}

CUSTOM = [
    {"table": "contact", "name": "Hobbies", "type": "choices", "options": ["Chess", "Go", "Poker"]},
    {"table": "contact", "name": "ShoeSize", "type": "integer"},
]

RECORDS: dict[str, dict[str, Any]] = {
    "location": {"_id": "L2", "name": "North", "kind": "Satellite", "parent": "L1"},
    "practitioner": {"_id": "D1", "first": "Ann", "npi": "1234567893", "kind": "Practitioner", "role": "RN"},
    "patient": {
        "_id": "P1", "_patient": "P1", "_owner": "1", "id": "00P1", "first": "Eve", "dob": "1985-12-22", "sex": "X",
        "since": "2015-07-13 03:13:48", "status": "I", "home": "L2",
        "properties": {"Hobbies": ["Poker", "Chess"], "Shoe size": "42", "Chart color": "red", "Empty": ""},
    },
    "insurance": {"_id": "I1", "_patient": "P1", "title": "Acme", "carrier": "Acme", "from": "2020-01-01", "patient": "P1"},
    "appointment": {
        "_id": "A1", "_patient": "P1", "_practitioner": "D1", "title": "Visit", "start": "2020-01-01 09:00", "length": "900",
        "type": "checkup", "status": "@", "patient": "P1", "practitioner": "D1",
    },
    "encounter": {
        "_id": "E1", "_patient": "P1", "date": "2020-01-01 09:00", "notes": "<p>Fine</p>", "patient": "P1",
        "diagnoses": [{"system": "ICD-10", "code": "I10", "text": "Hypertension"}],
    },
    "prescription": {
        "_id": "R1", "_patient": "P1", "drug": "Lisinopril 10 MG Oral Tablet", "code": "314076", "dose": "10 mg",
        "often": "QD", "amount": "30", "refills": "2", "sig": "Take one daily", "date": "2020-01-01", "patient": "P1",
        "encounter": "E1",
    },
    "referral": {"_id": "F1", "_patient": "P1", "title": "Knee", "amount": "$250.00", "status": "done", "patient": "P1"},
    "document": {
        "_id": "X1", "_patient": "P1", "title": "Scan", "text": "Left knee", "file": "scan.pdf", "path": "documents/scan.pdf",
        "uploaded": "2020-01-01T10:00:00Z", "patient": "P1",
    },
}  # fmt: skip

OWNERS = Owners(
    staff={
        "1": OwnerMatch("systemusers/u1", "Active", "found", "ann@clinic.test"),
        "2": OwnerMatch("systemusers/u2", "Active", "disabled", "bob@clinic.test"),
    },
    practitioner={"D1": "1"},
    fallback="teams/t",
)


def a_map(**changes: Any) -> ClinicMap:
    """The sample map; ``changes`` replace whole settings."""
    plain: dict[str, Any] = {
        "system": "demo", "profile": "sample", "time_zone": "America/New_York", "controlled": "include",
        "objects": OBJECTS, "custom_columns": CUSTOM, "options": {"ClinicAppointment.AppointmentType": ["Checkup"]},
    }  # fmt: skip
    return ClinicMap.model_validate({**plain, **changes})


def compiled(owners: Owners = OWNERS, **changes: Any) -> CompiledMap:
    clinic_map = a_map(**changes)
    return compile_map(clinic_map, build_schema(clinic_map), owners)
