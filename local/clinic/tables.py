"""The export's files: which dataset is in which file, in which form, with which columns."""

from dataclasses import dataclass
from typing import Final, Literal

from mapping.objects import ObjectName

Form = Literal["csv", "csv-bom", "tsv", "json", "ndjson", "xlsx"]


@dataclass(frozen=True, slots=True)
class Table:
    file: str
    form: Form
    columns: tuple[str, ...]
    object: ObjectName | None = None  #: what its rows become; None: nothing


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TABLES: Final[dict[str, Table]] = {
    "locations": Table(
        "locations.json", "json",
        _columns(
            "id name kind parentId accountNumber phone npi timeZone address hours managerStaffId active createdAt"
            " updatedAt createdBy"
        ),
        "location",
    ),
    "referral_sources": Table(
        "referral_sources.csv", "csv",
        _columns(
            "source_id name kind phone fax address1 city state zip npi active created_at updated_at created_by"
        ),
        "location",
    ),
    "providers": Table(
        "providers.csv", "csv",
        _columns(
            "provider_id linked_person_id title first_name middle_name last_name suffix credentials role npi"
            " specialties work_email work_phone fax location_id staff_id status dea_on_file created_at updated_at"
            " created_by deleted"
        ),
        "practitioner",
    ),
    "staff": Table(
        "staff_directory.xlsx", "xlsx",
        ("Staff ID", "First Name", "Last Name", "E-mail", "Job Title", "Status", "Start Date", "End Date", "Ext"),
        "staff",
    ),
    "patients": Table(
        "patients.csv", "csv-bom",
        _columns(
            "patient_id mrn linked_person_id title first_name middle_name last_name suffix preferred_name maiden_name"
            " date_of_birth sex marital_status language ssn email home_phone mobile_phone address1 address2 city state"
            " zip county country contact_preference do_not_email do_not_call home_location_id primary_provider_id"
            " account_owner_id pharmacy emergency_contact recall_date deceased_date status medical_history chart_color"
            " registered_at created_at updated_at created_by deleted"
        ),
        "patient",
    ),
    "property_definitions": Table(
        "custom_property_definitions.csv", "csv", _columns("code label type options created_at"), "custom_property"
    ),
    "properties": Table(
        "custom_properties.csv", "csv", _columns("row_id patient_id property value updated_at"), "custom_property"
    ),
    "insurance": Table(
        "insurance_policies.csv", "csv",
        _columns(
            "policy_id patient_id payer_id payer_name plan_name policy_number group_number subscriber_id"
            " subscriber_name relationship priority coverage_status effective_date termination_date"
            " eligibility_status eligibility_message eligibility_checked_at created_at updated_at created_by deleted"
        ),
        "insurance",
    ),
    "appointments": Table(
        "appointments.csv", "csv",
        _columns(
            "appointment_id patient_id provider_id location_id start_at duration type status series_id reason"
            " reminder_sent created_at updated_at created_by deleted"
        ),
        "appointment",
    ),
    "group_sessions": Table(
        "group_appointments.csv", "csv",
        _columns(
            "session_id provider_id location_id start_at duration type status attendees notes created_at updated_at"
            " created_by deleted"
        ),
        "appointment",
    ),
    "encounters": Table(
        "encounters.csv", "csv",
        _columns(
            "encounter_id patient_id provider_id location_id appointment_id visit_type started_at ended_at reason"
            " diagnoses note_html treatment_plan signed_at created_at updated_at created_by deleted"
        ),
        "encounter",
    ),
    "prescriptions": Table(
        "prescriptions.tsv", "tsv",
        _columns(
            "rx_id patient_id prescriber_id encounter_id drug_name rxnorm dose sig frequency quantity refills"
            " written_on end_on status pharmacy controlled created_at updated_at created_by deleted"
        ),
        "prescription",
    ),
    "referrals": Table(
        "referrals.csv", "csv",
        _columns(
            "referral_id patient_id provider_id direction source_id source_text referred_to reason status amount"
            " expected_close referred_on created_at updated_at created_by deleted"
        ),
        "referral",
    ),
    "claims": Table(
        "claims.ndjson", "ndjson",
        _columns(
            "claimId patientId encounterId providerId locationId payer serviceDate billedDate dueDate invoiceNumber"
            " payerClaimNumber checkNumber status currency balance patientBalance adjudicatedOn lines payments"
            " adjustments history createdAt updatedAt createdBy deleted"
        ),
        "claim",
    ),
    "documents": Table(
        "documents_index.csv", "csv",
        _columns(
            "document_id patient_id title category file_name file_path content_type size_bytes uploaded_at uploaded_by"
            " note deleted"
        ),
        "document",
    ),
    "allergies": Table(
        "allergies.csv", "csv", _columns("allergy_id patient_id allergen reaction severity noted_on status")
    ),
    "immunizations": Table(
        "immunizations.csv", "csv", _columns("immunization_id patient_id cvx vaccine given_on lot location_id")
    ),
    "reminders": Table(
        "reminders.csv", "csv", _columns("reminder_id patient_id appointment_id channel send_at status")
    ),
    "recurring_rules": Table(
        "recurring_rules.csv", "csv", _columns("series_id patient_id provider_id rule starts_on ends_on")
    ),
    "schedule_templates": Table(
        "schedule_templates.csv", "csv",
        _columns("template_id provider_id location_id weekday opens closes slot_minutes valid_from valid_to"),
    ),
    "workflow_rules": Table("workflow_rules.csv", "csv", _columns("rule_id name trigger condition action enabled")),
}  # fmt: skip
