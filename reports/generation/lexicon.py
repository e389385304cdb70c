"""Words of the field: symptoms by system, drugs, diagnoses, sides, body parts, tests, talk of self-harm."""

import re

from .folded import Folded
from .textnorm import tokens
from .words import word_list

_SYMPTOMS = {
    "Constitutional": (
        "fever|fevers|chills|weight loss|weight gain|fatigue|night sweats|sweats|appetite loss|"
        "loss of appetite|poor appetite|tired|"
        "tiredness|dizziness|lightheadedness|no energy|low energy"
    ),
    "HENT": "sore throat|nasal congestion|congestion|runny nose|hearing loss|headache|headaches",
    "Eyes": "blurry vision|blurred vision|vision changes|double vision",
    "Cardiovascular": (
        "chest pain|chest pains|palpitations|leg swelling|swelling in your legs|heart racing|racing heart|"
        "heart (?:is|was|starts|started) (?:racing|pounding)|"
        "dyspnea on exertion"
    ),
    "Respiratory": "shortness of breath|cough|wheezing|trouble breathing|difficulty breathing",
    "Gastrointestinal": (
        "nausea|vomiting|diarrhea|constipation|abdominal pain|belly pain|blood in your stool|bloating|"
        "heartburn|stomach pain"
    ),
    "Genitourinary": "burning with urination|blood in your urine|urinary frequency|pelvic pain",
    "Musculoskeletal": (
        "back pain|joint pain|knee pain|neck pain|muscle aches|shoulder pain|ankle pain|hip pain|"
        "hand pain|foot pain|elbow pain|wrist pain"
    ),
    "Neurological": "numbness|tingling|weakness|seizures|memory loss|confusion|tremor|tremors",
    "Skin": "rash|itching|redness|bruising",
    "Psychiatric": (
        "depression|depressed|anxiety|anxious|suicidal thoughts|suicidal|insomnia|trouble sleeping|"
        "panic attacks?|panic|hallucinations|"
        "hearing voices|stress|low mood|mood swings|hopeless|hopelessness|irritability|irritable|"
        "nightmares|self-harm|flashbacks|paranoia|"
        "poor concentration|trouble concentrating|racing thoughts|guilt|worthless"
    ),
}

DRUG_CLASSES = frozenset(
    word_list(
        "antidepressant antidepressants antipsychotic antipsychotics benzodiazepine benzodiazepines ssri ssris "
        "snri stimulant stimulants antibiotic antibiotics steroid steroids opioid opioids"
    )
)
DIAGNOSES = frozenset(
    word_list(
        "adhd agoraphobia alcoholism anemia anorexia anxiety arthritis asthma autism bipolar borderline bulimia "
        "cancer copd cyclothymia delirium dementia depression depressive diabetes dysthymia epilepsy fibromyalgia "
        "gastritis gerd gout hypertension hyperlipidemia hyperthyroidism hypomania hypomanic hypothyroidism "
        "insomnia lupus mania manic migraine narcissistic neuropathy obesity ocd osteoarthritis osteoporosis "
        "pancreatitis panic parkinson's pneumonia psychosis psychotic ptsd reflux schizoaffective schizophrenia "
        "stroke tendinitis"
    )
)
SIDES = frozenset(("left", "right", "bilateral", "bilaterally"))
BODY_PARTS = frozenset(
    word_list(
        "knee back shoulder ankle chest hip elbow neck wrist hand foot finger toe head throat abdomen stomach leg "
        "arm eye ear"
    )
)
# Where in or on the body something is: these have sides as its parts have.
PLACES = frozenset(
    word_list(
        "base apex lobe lung ventricle atrium border breast temple quadrant sternal flank groin calf thigh forearm "
        "cheek jaw kidney ovary testicle tonsil nostril heel shin rib forehead"
    )
)
TESTS = frozenset(
    word_list(
        "mri ct x-ray ultrasound ekg ecg eeg phq-9 gad-7 phq gad ymrs moca mmse audit pcl-5 echocardiogram "
        "colonoscopy biopsy mammogram endoscopy emg a1c"
    )
)
# What each lay word is called in a note, both directions: a note may say the second for the first.
SYNONYMS: dict[str, str] = {
    "dyspnea": "shortness breath",
    "pyrexia": "fever",
    "edema": "swelling",
    "erythema": "redness",
    "ecchymosis": "bruising",
    "dysphagia": "swallow",
    "hypertension": "blood pressure",
    "hyperlipidemia": "cholesterol",
    "diabetic": "diabetes",
    "physician": "doctor",
    "medication": "medicine pills tablets meds",
    "medications": "medicine pills tablets meds",
    "tobacco": "smoking cigarettes",
    "alcohol": "drinking drink wine beer",
    "insomnia": "sleep sleeping",
    "utilize": "use",
    "utilizes": "use",
    "endorses": "have",
    "bilaterally": "both",
    "extremity": "leg arm",
    "extremities": "leg arm",
    "ambulation": "walking walk",
    "ambulate": "walk",
    "abdomen": "belly stomach",
    "abdominal": "belly stomach",
    "cardiovascular": "heart",
    "respiratory": "lung lungs",
    "musculoskeletal": "joint back",
    "nocturnal": "night",
    "erythematous": "red",
    "unremarkable": "normal",
    "daily": "day",
    "auscultation": "listen lungs heart",
    "palpation": "press touch",
    "otc": "counter",
    "anxious": "anxiety nervous worried",
    "anxiety": "anxious nervous worry worried",
    "depressed": "depression low down",
    "depression": "depressed low mood",
    "client": "patient",
    "ekg": "electrocardiogram",
    "mood": "feeling feel",
    "anhedonia": "enjoy interest pleasure",
    "appetite": "eating eat food",
    "irritable": "snapping angry",
    "tearful": "crying cry",
    "suicidal": "suicide kill ending life die",
    "suicide": "suicidal kill ending life die",
    "ideation": "thoughts thinking",
    "concentration": "concentrate focus",
    "fatigue": "tired exhausted energy",
    "hallucinations": "voices hearing seeing",
    "himself": "yourself myself",
    "herself": "yourself myself",
    "mother": "mom mum",
    "father": "dad",
}
SELF_HARM = Folded(
    r"\b(suicid\w*|self[- ]?harm\w*|self[- ]?injur\w*|kill(?:ing)? (?:my|your|him|her|them|our)sel\w+|"
    r"(?:hurt|harm|cut)(?:ing|s)? (?:my|your|him|her|them)sel\w+|end(?:ing|ed)? (?:my|your|his|her|their|"
    r"it|the patient's) ?(?:own )?"
    r"(?:life|all)|take (?:my|your|his|her|their) (?:own )?life|wish\w* (?:\w+ ){0,3}(?:was|were) dead|better off dead|"
    r"(?:not|n't) (?:want|be) (?:to )?(?:be )?(?:here|alive|live) any ?more|"
    r"do(?:es)? ?n[o']t want to (?:live|be alive|wake up)|"
    r"want(?:s|ed|ing)? to die|overdos\w+)",
    written="SI",
)
HARM_TO_OTHERS = Folded(
    r"\b(homicid\w*|violen\w+|(?:hurt|harm|kill|attack|assault)\w* (?:other people|others|"
    r"someone(?: else)?|somebody(?: else)?|anyone(?: else)?|"
    r"anybody(?: else)?|people|him|her|them|my \w+|your \w+|his \w+|her \w+|their \w+)\b(?!sel))",
    written="HI",
)
NEGATION = Folded(
    r"\b(no|not|none|denies|denied|deny|never|without|negative|cannot|neither|nor|unable|absent|free of|"
    r"no longer|nothing|nobody)\b"
    r"|n't\b"
)
_KIN_WORDS = (
    r"mother|mom|mum|father|dad|brother|sister|son|daughter|wife|husband|partner|aunt|uncle|cousin|grandmother|"
    r"grandfather|grandma|grandpa|nephew|niece|boyfriend|girlfriend|friend|boss|roommate|neighbou?r|colleague|coworker"
)
KIN = Folded(rf"\b(?:(?:my|your|his|her|their|the patient's) )?(?:\w+ )?({_KIN_WORDS})(?:'s)?\b")
_ANY_KIN = frozenset(_KIN_WORDS.replace("neighbou?r", "neighbor|neighbour").split("|"))
CHIEF_COMPLAINTS = re.compile(
    r"\b((?:left|right|lower|upper|low|chronic|acute|severe)? ?(?:back|knee|ankle|shoulder|hip|chest|"
    r"abdominal|neck|foot|hand|wrist|elbow|"
    r"joint|stomach|head|throat|leg|arm|ear|finger|toe|belly) pain|sore throat|headaches?|cough|"
    r"shortness of breath|fatigue|annual "
    r"(?:exam|physical)|check ?up|physical|follow[- ]?up(?: visit)?|hypertension|diabetes|kidney stones?|"
    r"depression|anxiety|panic attacks?|"
    r"insomnia|rash|fever|nausea|vomiting|diarrhea|dizziness|swelling|weakness|numbness|palpitations|fall|"
    r"injury|blood pressure|arthritis|"
    r"joint pain|asthma|copd|reflux|constipation|weight loss|drinking|alcohol|smoking|stress|low mood|"
    r"grief|anger|feeling (?:very |so |really "
    r")?(?:low|down|sad|anxious|depressed|hopeless|overwhelmed)|(?:trouble|difficulty|problems?|"
    r"not) sleeping|hearing voices|mood swings|"
    r"self[- ]harm|suicidal thoughts|nightmares|flashbacks|(?:poor|trouble with) concentration)\b",
    re.IGNORECASE,
)
_ANY_SYMPTOM = Folded(rf"\b(?:{'|'.join(_SYMPTOMS.values())})\b")
# The first word of each: every bar outside of brackets begins another.
_SYMPTOM_BEGINS = frozenset(re.findall(r"(?:^|\|)(?![^(]*\))([a-z]+)", "|".join(_SYMPTOMS.values())))
SYMPTOM_PATTERNS = {system: re.compile(rf"\b({words})\b", re.IGNORECASE) for system, words in _SYMPTOMS.items()}


_SAME_RELATIVE = {"mom": "mother", "mum": "mother", "dad": "father", "grandma": "grandmother", "grandpa": "grandfather"}


def names_symptom(text: str) -> bool:
    return not _SYMPTOM_BEGINS.isdisjoint(tokens(text)) and _ANY_SYMPTOM.search(text) is not None


def relatives_in(text: str) -> set[str]:
    """Return the relatives and acquaintances a text names, `mom` as `mother`."""
    if _ANY_KIN.isdisjoint(tokens(text)):
        return set()
    words = (match.group(1).lower() for match in KIN.finditer(text))
    return {_SAME_RELATIVE.get(word, word) for word in words}
