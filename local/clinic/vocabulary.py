"""The words the clinic's records are made of.

Codes are real (ICD-10-CM, RxNorm, CPT numbers, CARC), so that maps and look-ups have something to recognise; people,
streets and organizations are made up. Phone numbers are 555-01xx, mail domains end in ``.example``.
"""

from typing import Final

FEMALE: Final = (
    "Abigail", "Alice", "Amara", "Anna", "Beatriz", "Brianna", "Camila", "Caroline", "Chloe", "Danielle", "Deborah",
    "Elena", "Emily", "Fatima", "Grace", "Hannah", "Imani", "Isabel", "Jasmine", "Joan", "Karen", "Keisha", "Laura",
    "Linda", "Maria", "Mei", "Monique", "Nadia", "Olivia", "Patricia", "Priya", "Rachel", "Rosa", "Ruth", "Samantha",
    "Sarah", "Sofia", "Tamara", "Teresa", "Victoria", "Wanda", "Yolanda", "Zoe", "Mary Ann",
)  # fmt: skip
MALE: Final = (
    "Aaron", "Adrian", "Ahmed", "Andre", "Benjamin", "Brian", "Carlos", "Charles", "Daniel", "David", "Derek", "Diego",
    "Edward", "Elijah", "Ethan", "Francis", "Gabriel", "George", "Hassan", "Henry", "Isaac", "Ivan", "Jamal", "James",
    "Jorge", "Joseph", "Kevin", "Kwame", "Liam", "Luis", "Marcus", "Matthew", "Miguel", "Nathan", "Omar", "Oscar",
    "Patrick", "Paul", "Rafael", "Robert", "Samuel", "Thomas", "Victor", "William", "Jean Paul",
)  # fmt: skip
LAST: Final = (
    "Adams", "Alvarez", "Baker", "Barnes", "Bennett", "Boateng", "Brooks", "Campbell", "Carter", "Chen", "Clark",
    "Coleman", "Costa", "Cruz", "Davis", "Delgado", "Diaz", "Edwards", "Fernandes", "Fisher", "Flores", "Foster",
    "Garcia", "Gomez", "Gonzalez", "Gray", "Green", "Hall", "Harris", "Hernandez", "Hill", "Hughes", "Jackson",
    "Johnson", "Jones", "Kaur", "Kelly", "Kim", "King", "Lee", "Lewis", "Lopez", "Martin", "Martinez", "Mensah",
    "Miller", "Mitchell", "Moore", "Morales", "Morris", "Murphy", "Nguyen", "Okafor", "Ortiz", "Parker", "Patel",
    "Perez", "Phillips", "Pierre", "Powell", "Price", "Ramirez", "Reed", "Reyes", "Rivera", "Roberts", "Robinson",
    "Rodriguez", "Rogers", "Ross", "Santos", "Scott", "Silva", "Smith", "Stewart", "Sullivan", "Taylor", "Thomas",
    "Thompson", "Torres", "Tran", "Turner", "Walker", "Ward", "Washington", "Watson", "White", "Williams", "Wilson",
    "Wood", "Wright", "Young",
)  # fmt: skip
APOSTROPHE: Final = ("O'Brien", "D'Amore", "O'Connor", "N'Diaye", "O’Sullivan")
ACCENTED: Final = (("María Luisa", "Lebrón"), ("Jerónimo", "Muñoz"), ("Zoë", "Brontë"), ("François", "Côté"))
CYRILLIC: Final = (("Анна", "Иванова"), ("Сергей", "Петренко"), ("Олександр", "Шевченко"))
CHINESE: Final = (("伟", "王"), ("秀英", "李"), ("建国", "張"))
ARABIC: Final = (("فاطمة", "الحسن"), ("محمد", "العلي"), ("ليلى", "حداد"))
NICKNAMES: Final = ("Bud", "Kit", "Mags", "Ace", "Sunny", "TJ", "Dee", "Mo")

STREETS: Final = (
    "Beacon", "Chestnut", "Elm", "Franklin", "Harvard", "Highland", "Lake", "Main", "Maple", "Massachusetts",
    "Pleasant", "Prospect", "School", "Summer", "Union", "Walnut", "Washington", "Willow",
)  # fmt: skip
STREET_KINDS: Final = ("St", "Ave", "Rd", "Ln", "Ter", "Pkwy")
#: city, state, ZIP, county
CITIES: Final = (
    ("Cambridge", "MA", "02139", "Middlesex"), ("Boston", "MA", "02118", "Suffolk"),
    ("Somerville", "MA", "02143", "Middlesex"), ("Quincy", "MA", "02169", "Norfolk"),
    ("Bridgewater", "MA", "02324", "Plymouth"), ("Lowell", "MA", "01852", "Middlesex"),
    ("Worcester", "MA", "01608", "Worcester"), ("Providence", "RI", "02903", "Providence"),
    ("Nashua", "NH", "03060", "Hillsborough"), ("Hartford", "CT", "06103", "Hartford"),
    ("Brooklyn", "NY", "11201", "Kings"), ("Boston", "Massachusetts", "021302331", "Suffolk"),
)  # fmt: skip

LANGUAGES: Final = ("English", "English", "English", "Spanish", "Portuguese", "Haitian Creole", "Mandarin", "Russian")
PHARMACIES: Final = ("Corner Drug, Main St", "Elm Street Pharmacy", "Lakeside Apothecary #114", "Mail order")
#: code, label, type, options as the system's own definition screen exports them
PROPERTIES: Final = (
    ("pref_pronouns", "Preferred pronouns", "choice", "She/her|He/him|They/them|Xe/xem"),
    ("languages", "Languages spoken", "multiselect",
     "English|Spanish|Mandarin|Portuguese|Haitian Creole|Russian|Arabic|ASL"),
    ("consent_text", "Consent to text", "yesno", ""),
    ("height_cm", "Height (cm)", "number", ""),
    ("household", "Household size", "number", ""),
    ("last_physical", "Last physical", "date", ""),
    ("portal_signup", "Portal signup", "datetime", ""),
    ("tobacco", "Tobacco use", "choice", "Never|Former|Current - some days|Current - every day|Unknown"),
    ("intake_notes", "Intake notes", "memo", ""),
    ("employer", "Employer / school", "text", ""),
    ("programs", "Programs of interest", "multiselect", "Diabetes group|Weight & nutrition|Smoking cessation|Yoga"),
    ("veteran", "Veteran?", "yesno", ""),
    ("copay_agreed", "Agreed copay", "money", ""),
    ("shoe_size", "Shoe size", "text", ""),
    ("old_chart", "Old chart no.", "text", ""),
)  # fmt: skip
#: a property that patients carry although its definition was deleted years ago
UNDEFINED_PROPERTY: Final = "legacy_17"

SPECIALTIES: Final = (
    "Family Medicine", "Internal Medicine", "Cardiology", "Pediatrics", "Dermatology", "Orthopedics", "Psychiatry",
    "Endocrinology", "Physical Therapy", "Nutrition",
)  # fmt: skip
APPOINTMENT_TYPES: Final = (
    ("Office Visit", 30), ("Follow-up", 15), ("New Patient", 60), ("Annual Physical", 45), ("Telehealth", 20),
    ("Lab Draw", 10), ("Vaccination", 10), ("Procedure", 90),
)  # fmt: skip
PAST_STATUSES: Final = (
    "Completed", "Completed", "Completed", "Completed", "Completed", "Completed", "Checked Out", "Checked Out",
    "No Show", "Cancelled", "Cancelled <24h", "Rescheduled",
)  # fmt: skip
COMING_STATUSES: Final = ("Scheduled", "Scheduled", "Confirmed", "Confirmed", "Cancelled", "Rescheduled")
ARRIVED_STATUSES: Final = ("Checked In", "Arrived", "In Room")
#: what the value map of no practice foresees
UNKNOWN_STATUSES: Final = ("CALL", "^ Pending", "Ins/fin issue", "Left w/o visit", "Waitlist")
BLOCKS: Final = ("Lunch", "Staff meeting", "Vacation", "Equipment maintenance")
GROUPS: Final = (("Diabetes Group", 60), ("Group Therapy", 90), ("Prenatal Class", 60))

DIAGNOSES: Final = (
    ("I10", "Essential (primary) hypertension"), ("E11.9", "Type 2 diabetes mellitus without complications"),
    ("E78.5", "Hyperlipidemia, unspecified"), ("J06.9", "Acute upper respiratory infection, unspecified"),
    ("M54.50", "Low back pain, unspecified"), ("F41.1", "Generalized anxiety disorder"),
    ("F32.A", "Depression, unspecified"), ("K21.9", "Gastro-esophageal reflux disease without esophagitis"),
    ("J45.909", "Unspecified asthma, uncomplicated"), ("E66.9", "Obesity, unspecified"),
    ("N39.0", "Urinary tract infection, site not specified"), ("R51.9", "Headache, unspecified"),
    ("L30.9", "Dermatitis, unspecified"), ("Z00.00", "Encounter for general adult medical examination"),
    ("Z23", "Encounter for immunization"), ("F11.20", "Opioid dependence, uncomplicated"),
    ("E03.9", "Hypothyroidism, unspecified"), ("G47.00", "Insomnia, unspecified"),
)  # fmt: skip
COMPLAINTS: Final = (
    "a cough for 3 days", "knee pain after running", "trouble sleeping", "headaches & dizziness", "no complaints",
    "a rash on the left arm", "fatigue", "heartburn after meals", "follow-up of blood pressure (BP < 140/90 at home)",
)  # fmt: skip
PLANS: Final = (
    "Continue current medication.", "Recheck labs in 3 months.", "Physical therapy 2x/week for 6 weeks.",
    "Low-sodium diet; home BP log.", "Return if no better in 10 days.", "Refer to specialist.",
)  # fmt: skip
#: RxNorm code, name, dose, sig, frequency, controlled in the source's own words
DRUGS: Final = (
    ("314076", "lisinopril 10 MG Oral Tablet", "10 mg", "Take 1 tablet by mouth once daily", "QD", "N"),
    ("308136", "amLODIPine 2.5 MG Oral Tablet", "2.5 mg", "Take 1 tablet by mouth once daily", "QD", "N"),
    ("310798", "Hydrochlorothiazide 25 MG Oral Tablet", "25 mg", "Take 1 tablet every morning", "QAM", "N"),
    ("860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", "500 mg",
     "Take 1 tablet by mouth twice daily with meals", "BID", "N"),
    ("314231", "Simvastatin 10 MG Oral Tablet", "10 mg", "Take 1 tablet at bedtime", "QHS", "N"),
    ("313782", "Acetaminophen 325 MG Oral Tablet", "325 mg", "1-2 tablets every 6 hours as needed", "Q6H PRN", "N"),
    ("308192", "Amoxicillin 500 MG Oral Tablet", "500 mg", "Take 1 tablet 3 times a day for 10 days", "TID", "N"),
    ("351137", "albuterol 0.21 MG/ML Inhalation Solution", "3 mL", "Inhale by nebulizer every 4 hours as needed",
     "Q4H PRN", "N"),
    ("855332", "Warfarin Sodium 5 MG Oral Tablet", "5 mg", "Take as directed by the INR clinic", "", "N"),
    ("979492", "losartan potassium 50 MG Oral Tablet", "50 mg", "Take 1 tablet by mouth once daily", "QD", "N"),
)  # fmt: skip
CONTROLLED_DRUGS: Final = (
    ("835603", "tramadol hydrochloride 50 MG Oral Tablet", "50 mg", "1 tablet every 6 hours as needed for pain",
     "Q6H PRN", "Y"),
    ("856987", "Acetaminophen 300 MG / Hydrocodone Bitartrate 5 MG Oral Tablet", "5 mg",
     "1 tablet every 6 hours as needed for pain", "Q6H PRN", "Y"),
    ("1049504", "Abuse-Deterrent 12 HR Oxycodone Hydrochloride 10 MG Extended Release Oral Tablet [Oxycontin]",
     "10 mg", "Take 1 tablet every 12 hours", "Q12H", "Y"),
    ("351266", "buprenorphine 2 MG / naloxone 0.5 MG Sublingual Tablet", "2 mg", "Dissolve 1 tablet under the tongue",
     "QD", "Y"),
    ("197591", "Diazepam 5 MG Oral Tablet", "5 mg", "Take 1 tablet at bedtime", "QHS", "Y"),
    ("204892", "clonazePAM 0.25 MG Oral Tablet", "0.25 mg", "Take 1 tablet twice daily", "BID", ""),
)  # fmt: skip
#: no schedule table knows it
UNKNOWN_DRUG: Final = ("", "Compounded LDN 4.5 mg capsule (Corner Drug)", "4.5 mg", "One capsule at night", "QHS", "")
PRESCRIPTION_STATUSES: Final = ("Active", "Active", "Completed", "Completed", "Discontinued", "On Hold")

#: payer id, name, plans
PAYERS: Final = (
    ("60054", "Commonwealth Mutual Health", ("PPO Choice", "HMO Blue Lake")),
    ("62308", "Harbor Health Plan", ("Gold 500", "Silver 2000")),
    ("MCARE", "Medicare Part B", ("Original Medicare",)),
    ("MCAID", "MassHealth", ("Standard", "CarePlus")),
    ("87726", "United Northern Insurance", ("Options PPO",)),
)  # fmt: skip
RELATIONSHIPS: Final = ("Self", "Self", "Self", "Spouse", "Child", "Other", "Guardian")
#: CPT number, charge
PROCEDURES: Final = (
    ("99213", "125.00"), ("99214", "185.00"), ("99203", "165.00"), ("99396", "210.00"), ("36415", "18.00"),
    ("93000", "62.50"), ("90471", "28.00"), ("90686", "34.75"), ("80053", "49.00"), ("97110", "88.00"),
)  # fmt: skip
REFERRED_TO: Final = (
    "Lakeview Orthopedic Associates", "Harbor Cardiology Group", "City Imaging Center", "Northside Endocrine Clinic",
)  # fmt: skip
INFORMAL_SOURCES: Final = ("Walk-In", "Radio", "Friend or family", "Internet search", "Employee")
REFERRAL_REASONS: Final = ("Evaluate and treat", "Second opinion", "MRI left knee", "Post-op therapy", "New to area")
ALLERGENS: Final = ("Penicillin", "Latex", "Peanut", "Sulfa drugs", "Shellfish", "Pollen")
VACCINES: Final = (("140", "Influenza, seasonal"), ("115", "Tdap"), ("208", "COVID-19 mRNA"), ("33", "Pneumococcal"))
DOCUMENT_TITLES: Final = (
    ("Lab report", "Lab report.pdf"), ("Consent form", "consent_form signed.pdf"), ("Insurance card", "card front.png"),
    ("Referral letter", "Überweisung.pdf"), ("Visit summary", "visit-summary.txt"), ("Fax", "fax 0001.txt"),
)  # fmt: skip
