"""What was said as a sentence of a clinical note: third person, no discourse markers, capitalised and punctuated."""

import re

from .answers import answer_statement
from .grammar import COMPANION, UNNAMED, Person, has_verb, patient_to_third, you_to_third
from .textnorm import content_words
from .units import NO, YES, Unit

_LEAD = re.compile(
    r"^(?:so|and|but|then|now|or|because|also|again|oh|ah|yes|yeah|i guess|i mean|i would say|like|you said(?: that)?|"
    r"it sounds like|sounds like|looks like|i see(?: here)?(?: that)?|i know(?: that)?|i am pretty sure|"
    r"ma'am|sir|great|perfect|"
    r"correct|definitely|let us see|first of all|unfortunately|anyways?|plus|hi|hello|hey|absolutely|"
    r"exactly|gotcha|got it|"
    r"sounds good|of course|sure|nope|nah|go ahead|wow|thank you|thanks|too|that is good|that is great|"
    r"i do|i am|i have|"
    r"good(?=[ ,]*,)|right(?=[ ,]*,)|no(?=\s*,)|no(?= (?:i|it|he|she|they|we|that|there|not|no|my)\b)|"
    r"(?:not really|not at all)(?=\s*,))(?:[ ,.]+|$)",
    re.IGNORECASE,
)
_NOT_LEAD = re.compile(r"^(?:i do|i am|i have)\b(?!\s*[,.])", re.IGNORECASE)
_DOCTOR_LEAD = re.compile(
    r"^(?:i think|i believe|i feel like|i guess|i know|for the most part)(?: that)?[ ,]+", re.IGNORECASE
)
_ASIDES = re.compile(
    r"\b(?:and |so |but )?(?:i (?:do )?(?:know|think|believe|see|understand|saw|remember|noticed|guess|"
    r"hear|heard|mean|said)"
    r"(?: here)?(?: that)?|as i said|like i said|as you know|you know|if you will|it says here(?: that)?|"
    r"we know(?: that)?|you said"
    r"(?: that)?|you told me(?: that)?|you mentioned(?: that)?)\b ?",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:[ ,]+(?:(?:and|but|so|because|that) (?:it|he|she|they|that|this|there|I|the patient) (?:is|was|"
    r"were|are|has|have|had|would|did|"
    r"does|do|will|can)|and|but|so|or|by|from|into|at|about (?:a|the)|the|a|an|to|of|with|because|which|is|"
    r"in|on|for|my|your|his|her|their|if|when|like|then|as|you know|"
    r"i guess|i think|or anything|or something|or whatever|and stuff|and everything|and so|and then|okay|"
    r"right|too|though))+$",
    re.IGNORECASE,
)
_COMMA_INSIDE = re.compile(
    r"\b(the|a|an|of|to|with|and|or|but|his|her|my|your|their|some|very|he|she|they|i|was|is|has|had|have|"
    r"in|on|for|at|that|if|"
    r"when|because|as|like|about|from|by|any|no)\s*,\s+",
    re.IGNORECASE,
)
_ACRONYMS = re.compile(
    r"\b(ct|mri|ekg|ecg|copd|covid|gerd|ptsd|cbt|dbt|emdr|ssri|snri|adhd|ocd|gad|phq|icu|er|hiv|std|uti|ac|"
    r"acl|bmi|nsaids?|eeg|"
    r"tsh|pcp|otc|iv|aa|usa|uk|tv|iud|pcos|ibs|chf|cpap|emg|dvt|cbc|ldl|hdl|bp)\b"
)
_PROPER = re.compile(
    r"\b(tylenol|advil|motrin|aleve|lasix|zoloft|prozac|lexapro|xanax|ativan|wellbutrin|effexor|seroquel|"
    r"abilify|lamictal|"
    r"mobic|ultram|coumadin|plavix|lipitor|norvasc|synthroid|neurontin|monday|tuesday|wednesday|thursday|"
    r"friday|saturday|sunday|"
    r"january|february|april|june|july|august|september|october|november|december|christmas|thanksgiving|"
    r"english|american|indian|"
    r"hindi|alcoholics anonymous)\b"
)
_TITLED = re.compile(r"\b(mr|mrs|ms|dr)\.? ([a-z]+)\b", re.IGNORECASE)
_OBSERVATION = re.compile(
    r"^(?:so |and |now |then )*(?:i (?:do )?(?:also )?(?:hear|see|appreciate|notice|note|feel|"
    r"find)(?: that)?|there (?:is|are)|"
    r"you (?:do )?(?:also )?have|you are (?:positive|negative) for|it (?:looks|sounds) like|i can (?:see|"
    r"hear|feel|appreciate))\s+",
    re.IGNORECASE,
)
_NO_OBSERVATION = re.compile(
    r"^(?:i do not (?:see|hear|appreciate|feel|notice|find)(?: any)?|there (?:is|are) (?:no|not any)|"
    r"you do not have(?: any)?|"
    r"i ?cannot (?:see|feel|hear)(?: any)?)\s+",
    re.IGNORECASE,
)
_REGION = re.compile(
    r"^(?:on|upon|for|looking at|listening to|examining) (?:your |the |my )?(.{3,40}?)(?: exam(?:ination)?)?,? "
    r"(?=i |there |you |it |the |no |has |have |shows?)(.+)$",
    re.IGNORECASE,
)
_INTENTION = re.compile(
    r"^(?:i am going to|we are going to|i will|we will|i would like to|i want to|let us|we should|we can|i am|we are|"
    r"i think we should|i would|we need to|going to|what i would like to do is|what we will do is|"
    r"my plan is to|the plan is to)\s+"
    r"(?:also |just |probably |still |definitely |then )*(?:go ahead and |start by |try to )*(.+)$",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"^(?:i|we) (?:would like|want|need|am going to have|are going to have|will have) you to (.+)$"
    r"|^you (?:should|need to|can|have to|will need to) (.+)$",
    re.IGNORECASE,
)
_LEFT_OVER = re.compile(r"\b(?:i|me|my|mine|you|your|yours|yourself|myself)\b", re.IGNORECASE)
_LEFT_OVER_OF_DOCTOR = re.compile(
    r"\b(?:you|your|yours|yourself)\b|\bmy (?!impression|recommendation|exam|assessment|plan|opinion|"
    r"differential|colleague)",
    re.IGNORECASE,
)
_BARE_DENIAL = re.compile(r"no\s+", re.IGNORECASE)  # "No dizziness": a symptom the patient says is not there
_REPORTING_START = re.compile(
    r"^(?:a|an|some|more|less|no|not|very|too|lots?|my|the|this|constant|trouble|problems?|difficulty|pain|"
    r"feeling|having|\w+ing|"
    r"about|sometimes|every|his|her|their|\d)\b",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"“[^”]*”")
_HOLLOW = re.compile(
    r"^(?:nothing|not|none|no|that|it|i|at all|never|thank\w*|sir|ma'am|doctor|just|really)\b", re.IGNORECASE
)
_SHORT_ANSWER = 6  # words; up to here an answer is read together with its question


# Spoken padding, and what a note has in its place.
_PADDING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (
            (
                r"\b(?:go ahead and|pretty much|more or less|if you will|as well as that|so to speak|"
                r"to be honest(?: with you)?)\b,? ?"
            ),
            "",
        ),
        (r"\ba little bit of an? \b", "a "),
        (r"\ba little bit of\b", "some"),
        (r"\ba little bit\b", "a little"),
        (
            (
                r"\b(?:is|are|am) (?:also |probably |just )?going to (?=[a-z]+\b)(?!the\b|a\b|my\b|work\b|"
                r"bed\b|school\b|therapy\b)"
            ),
            "will ",
        ),
        (r"\b(?:i|we) (?:want|would like|need) to\b", "we will"),
        (r"\bdoes have\b", "has"),
        (r"\b(?:do|did) (?=have\b)", ""),
        (r"\b(?:and|or) (?:all )?(?:stuff|things|everything|whatever|something|anything)(?: like that)?(?=[,.]|$)", ""),
        (r"\blike (?=in |on |at |maybe |about |around |every |\d|a \d)", ""),
        (r"\b(?:right|over|in|out) (?:here|there)\b(?! (?:is|are|was|were))", ""),
        (r"[ ,]+(?:right now here|here today|here now|right now)$", " now"),
        (r"[ ,]+(?:here|there)$", ""),
        (r"\bwill (?:going to|will|want to|like to|need to|want)\b", "will"),
        (r"\bthere is going to be\b", "there will be"),
        (r"\bthe same (?:exact|very)\b", "the same"),
    )
)


def strip_lead(text: str) -> str:
    """Return a statement without the words people begin with (`so, yeah, I mean`); a `no` that negates stays."""
    previous = None
    while previous != text:
        previous = text
        if not _NOT_LEAD.match(text):
            text = _LEAD.sub("", text).strip(" ,.")
    return text


def finish(text: str) -> str:
    """Return a statement as a sentence: trimmed, acronyms and names capitalised, first letter large, full stop."""
    text = re.sub(r"\b(it|that|he|she|there|patient) is (been|got|gotten)\b", r"\1 has \2", text)
    previous = None
    while previous != text:
        previous = text
        text = _DANGLING.sub("", text.strip(" ,;.?!-"))
    for pattern, replacement in _PADDING:
        text = pattern.sub(replacement, text)
    text = _COMMA_INSIDE.sub(r"\1 ", text)
    text = " ".join(re.sub(r"\s+([,.;:?!])", r"\1", text).split()).strip(" ,;.?!-")
    text = _TITLED.sub(lambda match: f"{match.group(1).capitalize()}. {match.group(2).capitalize()}", text)
    text = _ACRONYMS.sub(lambda match: match.group(0).upper(), text)
    text = _PROPER.sub(lambda match: match.group(0).title(), text)
    text = re.sub(r"\bi\b(?!\.)", "I", text)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def rewrite(unit: Unit, topic: str, person: Person) -> list[str]:
    """Return the sentences a unit becomes under a class of the classifier; an empty list when it says nothing."""
    if unit.role == "doctor":
        sentence = "" if unit.is_question else _doctor_statement(unit.text, topic, person)
        return [sentence] if sentence else []
    return _patient_statements(unit, COMPANION if unit.role == "companion" else person)


def _patient_statements(unit: Unit, person: Person) -> list[str]:
    base = strip_lead(unit.text)
    words = len(base.split())
    found: list[str] = []
    answers = bool(YES.match(unit.raw) or NO.match(unit.raw))
    if unit.question and (words <= _SHORT_ANSWER or answers):
        statement = answer_statement(unit, person)
        if statement:
            if not answers or words < 2:
                return [finish(statement)]
            if not has_verb(base) and not _HOLLOW.match(base):
                return [finish(f"{statement}, {patient_to_third(base, person)}")]
            found.append(finish(statement))
            if words < 4:
                return found
    if words < 2 or _asks(unit):
        return found
    sentence = finish(patient_to_third(base, person))
    if sentence and not has_verb(sentence):
        if not _REPORTING_START.match(base):
            return found
        denied = _BARE_DENIAL.match(base)
        third = patient_to_third(base[denied.end() :] if denied else base, person)
        sentence = finish(f"{'Denies' if denied else 'Reports'} {third}")
    if sentence:
        found.append(sentence)
    return found


def explained(unit: Unit, person: Person) -> list[str]:
    """Return a clinician's teaching as reported speech."""
    told = you_to_third(_DOCTOR_LEAD.sub("", strip_lead(unit.text)), person)
    if len(told.split()) < 4 or not has_verb(told) or re.match(r"i\b", told, re.IGNORECASE):
        return []
    first = told.split(" ", 1)[0]
    keeps_capital = first.isupper() or bool(_PROPER.match(first.lower()))
    return [finish(f"the clinician explained that {told if keeps_capital else told[0].lower() + told[1:]}")]


def quoted(unit: Unit, person: Person) -> list[str]:
    """Return a patient's short reaction in their own words."""
    words = strip_lead(unit.text).strip(" ,.")
    if len(words.split()) < 2:
        return []
    return [f"{person.subject[0].upper()}{person.subject[1:]} said: “{finish(words)}”"]


def _asks(unit: Unit) -> bool:
    return unit.raw.rstrip(" \"'").endswith("?") or bool(
        re.match(
            r"^(?:what|why|how|should i|can i|do i|is it|is that|are you|do you|would you|could you)\b",
            unit.text,
            re.IGNORECASE,
        )
    )


def _doctor_statement(text: str, topic: str, person: Person) -> str:
    base = strip_lead(_DOCTOR_LEAD.sub("", strip_lead(text)))
    if topic in ("exam", "vitals"):
        return finish(_examination(base))
    if topic == "plan":
        return finish(_intention(base, person))
    told = you_to_third(_ASIDES.sub("", base), person)
    if topic == "results":
        told = re.sub(
            r"^(?:i (?:did )?(?:also )?(?:review|look|see|saw)\w* (?:at )?(?:the )?(?:results of )?)",
            "",
            told,
            flags=re.IGNORECASE,
        )
        told = told.replace("the patient's", "the")
    return finish(told)


def _examination(text: str) -> str:
    if _NO_OBSERVATION.match(text):
        rest = _NO_OBSERVATION.sub("", text)
        return f"no {_examination_words(rest)}"
    if match := _REGION.match(text):
        return f"{match.group(1)}: {_examination(match.group(2))}"
    return _examination_words(_OBSERVATION.sub("", text))


def _examination_words(text: str) -> str:
    text = re.sub(r"\bi do not (?:see|hear|appreciate|feel|notice|find)(?: any)?\b", "no", text, flags=re.IGNORECASE)
    text = re.sub(r"\byou do have\b", "you have", text, flags=re.IGNORECASE)
    text = re.sub(r"\byour\b", "the", text, flags=re.IGNORECASE)
    text = you_to_third(text, UNNAMED)
    return re.sub(
        r"\bi (?:do )?(?:see|hear|appreciate|notice|feel|can see|can hear)\b ?", "", text, flags=re.IGNORECASE
    )


def _intention(text: str, person: Person) -> str:
    if match := _REQUEST.match(text):
        return f"the patient should {you_to_third(match.group(1) or match.group(2), person)}"
    if match := _INTENTION.match(text):
        return f"we will {you_to_third(match.group(1), person)}"
    return you_to_third(_ASIDES.sub("", text), person)


def is_readable(sentence: str, *, by_doctor: bool, may_be_terse: bool = False) -> bool:
    """Say whether a rewritten sentence can stand in a note: nobody is addressed, enough content, a verb.

    The clinician writes the note, so their own `I` may stay. `may_be_terse` is for findings, results and plans, which are often
    written without a verb.
    """
    if (_LEFT_OVER_OF_DOCTOR if by_doctor else _LEFT_OVER).search(_QUOTATION.sub("", sentence)):
        return False
    if len(content_words(sentence)) < 1 or len(sentence.split()) < 2:
        return False
    return may_be_terse or ":" in sentence or has_verb(sentence)
