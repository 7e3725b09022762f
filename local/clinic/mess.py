"""Which patients carry which flaw of real exports.

A flaw hangs on the patient's number alone, so that each is there in any clinic of 500 patients whatever the seed.
"""

from typing import Final

#: flaw -> (one in how many patients, the first one's number from 0). Every first one is below 500.
MESS: Final[dict[str, tuple[int, int]]] = {
    # names
    "apostrophe": (23, 3), "accents": (19, 5), "cyrillic": (61, 6), "chinese": (67, 8), "arabic": (71, 9),
    "maiden_name": (9, 4), "nickname": (8, 2),
    # patients
    "shared_ssn": (139, 21), "ssn_plain": (13, 1), "invalid_birth_date": (101, 14), "us_birth_date": (37, 12),
    "two_phones": (59, 15), "bad_email": (79, 16), "zip_missing": (41, 17), "foreign_address": (83, 18),
    "duplicate_patient_id": (211, 30), "deceased": (43, 22), "inactive": (17, 10), "deleted_patient": (173, 26),
    "contradicting_title": (53, 25),
    # custom properties
    "undefined_property": (47, 11), "property_twice": (29, 13), "empty_property": (5, 1), "orphan_property": (251, 33),
    "long_text": (31, 20),
    # insurance
    "no_insurance": (11, 0), "tertiary": (27, 24), "expired": (6, 3), "orphan_insurance": (233, 34),
    # visits
    "orphan_appointment": (131, 35), "appointment_without_patient": (149, 36), "unknown_status": (14, 7),
    "deleted_appointment": (33, 19), "series": (32, 23), "odd_duration": (18, 6), "arrived": (40, 12),
    "orphan_encounter": (197, 37), "unknown_practitioner": (113, 38), "unknown_appointment": (127, 39),
    "long_note": (151, 40), "no_diagnosis": (16, 5),
    # prescriptions
    "controlled": (7, 4), "unknown_drug": (90, 41), "blank_id": (271, 42), "unknown_encounter": (157, 43),
    # referrals
    "referral_with_money": (4, 1), "orphan_referral": (307, 44), "informal_source": (13, 2),
    # documents
    "blocked_extension": (103, 45), "zero_bytes": (89, 46), "no_extension": (48, 27), "wrong_mime": (54, 28),
    "missing_file": (84, 47), "document_without_patient": (62, 31), "dst_overlap": (163, 48), "dst_gap": (401, 49),
    "deleted_document": (109, 51),
}  # fmt: skip

#: The one person who is patient and practitioner: this patient, and this provider (numbers from 0).
SHARED_PATIENT: Final = 7
SHARED_PROVIDER: Final = 1

#: Patients with a file over the 25 MB that a note may hold, and with one between 5 and 25 MB.
OVER_LIMIT: Final = (52, 311)
MIDDLING: Final = (29,)


def has(flaw: str, number: int) -> bool:
    """Whether the patient of that number (from 0) carries the flaw."""
    every, first = MESS[flaw]
    return number % every == first
