"""What was said as a sentence of a clinical note: third person, no discourse markers, capitalised and punctuated."""

import re
from dataclasses import replace

from .answers import answer_statement
from .clauses import joined_clauses, with_is
from .folded import Folded
from .grammar import COMPANION, UNNAMED, Person, has_verb, patient_to_third, you_to_third
from .lexicon import BODY_PARTS
from .planned import planned
from .readability import is_fragment
from .textnorm import Replacements, content_words, replaced, with_marks_closed
from .units import NO, YES, Unit
from .words import word_list

_LEAD = re.compile(
    r"^(?:so|and|but|then|now|or|because|also|again|oh|ah|yes|yeah|okay|alright|all right|well|right(?= so\b)|"
    r"i guess|i mean|i would say|like|you said(?: that)?|"
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
_ASIDES = Folded(
    r"\b(?:and |so |but )?(?:i (?:do )?(?:know|think|believe|see|understand|saw|remember|noticed|guess|"
    r"hear|heard|mean|said)"
    r"(?: here)?(?: that)?|as i said|like i said|as you know|you know|if you will|it says here(?: that)?|"
    r"we know(?: that)?|you said"
    r"(?: that)?|you told me(?: that)?|you mentioned(?: that)?)\b ?",
)
_DANGLING = re.compile(
    r"(?<![ ,])(?:[ ,]+(?:(?:and|but|so|because|that) (?:it|he|she|they|that|this|there|I|the patient) (?:is|was|"
    r"were|are|has|have|had|would|did|"
    r"does|do|will|can)|and|but|so|or|by|from|into|at|about (?:a|the)|the|a|an|to|of|with|because|which|is|"
    r"in|on|for|my|your|his|her|their|if|when|like|then|as|you know|"
    r"i guess|i think|or anything|or something|or whatever|and stuff|and everything|and so|and then|okay|"
    r"right|too|though))+$",
    re.IGNORECASE,
)
_DANGLING_WORDS = frozenset(  # the last words of what _DANGLING takes away
    word_list(
        "is was were are has have had would did does do will can and but so or by from into at a the an to of with "
        "because which in on for my your his her their if when like then as know guess think anything something "
        "whatever stuff everything okay right too though"
    )
)
_THANKS_END = Folded(r"(?<![ ,])[ ,]*(?:\band )?(?:so )?\bthank you(?: (?:so|very) much)?[ .,]*$")
_HEDGE_END = Folded(r",? (?:i (?:think|guess|suppose|believe|would say))[ .,]*$")
_COMMA_INSIDE = Folded(
    r"\b(the|a|an|of|to|with|and|or|but|his|her|my|your|their|some|very|he|she|they|i|was|is|has|had|have|"
    r"in|on|for|at|that|if|"
    r"when|because|as|like|about|from|by|any|no)\s*,\s+"
)
_ACRONYMS = re.compile(
    r"\b(ct|mri|ekg|ecg|copd|covid|gerd|ptsd|cbt|dbt|emdr|ssri|snri|adhd|ocd|gad|phq|icu|er|hiv|std|uti|ac|"
    r"acl|bmi|nsaids?|eeg|egd|gi|"
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
_TITLED = Folded(r"\b(mr|mrs|ms|dr)\.? ([a-z]+)\b")
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
# "On the lower extremities." names a place and finds nothing there; "to about 8 cm" is the end of something.
_ONLY_PLACE = re.compile(
    r"^(?:(?:and|now|then|so|lastly|also|again)[ ,]+)*(?:on|upon|for|with|to|in terms of|as far as|of|from|by)\b[^,:]*\.?$",
    re.IGNORECASE,
)
_NO_REPORT = re.compile(
    r"^(?:the )?(?:patient|client) (?:reports|denies) (?:something|anything|that|this|it)\b(?! (?:they|he|she|it)\b)",
    re.IGNORECASE,
)
_LEFT_OVER = Folded(r"\b(?:i|me|my|mine|you|your|yours|yourself|myself)\b")
_LEFT_OVER_OF_DOCTOR = Folded(
    r"\b(?:you|your|yours|yourself)\b|\bmy (?!impression|recommendation|exam|assessment|plan|opinion|"
    r"differential|colleague)"
)
_BARE_DENIAL = re.compile(r"no\s+", re.IGNORECASE)  # "No dizziness": a symptom the patient says is not there
_FURTHER_DENIAL = re.compile(r"((?:,|\b(?:and|or|nor))\s+)no\s+", re.IGNORECASE)  # "no vomiting and no diarrhea"
_WELCOME = re.compile(
    r"no (?:real |more )?(?:energy|appetite|motivation|interest|joy|pleasure|sleep|concentration|drive|libido|friends|job|work|"
    r"money|support|family|hope|improvement|change|difference|relief|contact)\b",
    re.IGNORECASE,
)
_REPORTING_START = re.compile(
    r"^(?:a|an|some|more|less|no|lots? of|my|the|this|constant|trouble|problems?|difficulty|pain|"
    r"feeling|having|\w{2,}ing|his|her|their)\b",
    re.IGNORECASE,
)
_QUOTATION = re.compile(r"“[^”]*”")
_HOLLOW = re.compile(
    r"^(?:nothing|not|none|no|that|it|i|at all|never|thank\w*|sir|ma'am|doctor|just|really|"
    r"(?:a (?:little|bit|little bit)|somewhat|kind of|sort of)(?=[ ,.]*(?:$|but\b)))\b",
    re.IGNORECASE,
)
_LONGEST_WHOLE = 26  # words; a longer sentence is cut where it can be
_SHORTEST_PART = 5
_JOINT = re.compile(
    r",? (?:and then|and|but|so)(?= (?:he|she|they|we|i|there|it|the patient) (?!(?:and|or)\b))", re.IGNORECASE
)
_BEFORE_QUOTE = re.compile(r"^(?:(?:um+|uh+|oh|okay|well|yeah|so|and|but)\b[ ,.]*)+", re.IGNORECASE)
_SHORT_ANSWER = 6  # words; up to here an answer is read together with its question


# "That right knee" is "the right knee" to a reader who cannot see the finger.
_NAMED_THINGS = (
    r"(?:left|right|upper|lower|medial|lateral|inside|outside)? ?(?:"
    + "|".join(sorted(BODY_PARTS))
    + r"|swelling|pain|ligament|x-ray|mri|ct|scan|wound|area|joint|lungs?|heart|blood pressure|medications?|murmur)\b"
)
_YEAH = Folded(r",? ?\b(?:yeah|gosh|alright|you know|i mean|(?:i|he|she|they) guess(?:es)?)\b,?(?: (?=\w))?")
# Spoken padding, and what a note has in its place.
_PADDING: Replacements = tuple(
    (needles, re.compile(pattern, re.IGNORECASE), replacement)
    for needles, pattern, replacement in (
        (
            (
                "go ahead and",
                "pretty much",
                "more or less",
                "if you will",
                "as well as that",
                "so to speak",
                "to be honest",
            ),
            (
                r"\b(?:go ahead and|pretty much|more or less|if you will|as well as that|so to speak|"
                r"to be honest(?: with you)?)\b,? ?"
            ),
            "",
        ),
        (("a little bit of a",), r"\ba little bit of an? \b", "a "),
        (("a little bit of",), r"\ba little bit of\b", "some"),
        (("a little bit",), r"\ba little bit\b", "a little"),
        (
            ("going to ",),
            (
                r"\b(?:is|are|am) (?:also |probably |just )?going to (?=[a-z]+\b)(?!the\b|a\b|my\b|work\b|"
                r"bed\b|school\b|therapy\b)"
            ),
            "will ",
        ),
        (("want to", "would like to", "need to"), r"\b(?:i|we) (?:want|would like|need) to\b", "we will"),
        (("does have",), r"\bdoes have\b", "has"),
        (("do have", "did have"), r"\b(?:do|did) (?=have\b)", ""),
        (
            ("stuff", "thing", "whatever"),
            r"\b(?:and|or) (?:all )?(?:stuff|things|everything|whatever|something|anything)(?: like that)?(?=[,.]|$)",
            "",
        ),
        (("like ",), r"\blike (?=in |on |at |maybe |about |around |every |\d|a \d)", ""),
        (("here",), r"\b(?:right|over|in|out) (?:here|there)\b(?! (?:is|are|was|were))", ""),
        (
            ("right now", "here today", "here now"),
            r"(?<![ ,])[ ,]+(?:right now here|here today|here now|right now)$",
            " now",
        ),
        (("here",), r"(?<![ ,])[ ,]+(?:here|there)$", ""),
        (("will ",), r"\bwill (?:going to|will|want to|like to|need to|want)\b", "will"),
        (("there is going to be",), r"\bthere is going to be\b", "there will be"),
        (("the same ",), r"\bthe same (?:exact|very)\b", "the same"),
        (
            ("some ",),
            r"\bsome (?!of\b|days?\b|time|people\b|kind\b|sort\b|other|more\b|point\b|\w+ly\b|\d)(?=[a-z])",
            "",
        ),
        (("that ", "this ", "those ", "these "), rf"\b(?:that|this|those|these) (?={_NAMED_THINGS})", "the "),
    )
)


_HAS_BEEN = re.compile(r"\b(it|that|he|she|there|patient) is (been|got|gotten)\b")
_SMALL_I = re.compile(r"\bi\b(?!\.)")


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
    if " is been" in text or " is got" in text:
        text = _HAS_BEEN.sub(r"\1 has \2", text)
    previous = None
    while previous != text:
        previous = text
        text = text.strip(" ,;.?!-")
        if _last_word(text) in _DANGLING_WORDS:
            text = _DANGLING.sub("", text)
    text = _YEAH.sub(" ", text)
    text = replaced(text, _PADDING)
    if "," in text:
        text = _COMMA_INSIDE.sub(r"\1 ", text)
    text = " ".join(with_marks_closed(text).split()).strip(" ,;.?!-")
    text = joined_clauses(text)
    text = _TITLED.sub(lambda match: f"{match.group(1).capitalize()}. {match.group(2).capitalize()}", text)
    text = _ACRONYMS.sub(lambda match: match.group(0).upper(), text)
    text = _PROPER.sub(lambda match: match.group(0).title(), text)
    text = _SMALL_I.sub("I", text)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _last_word(text: str) -> str:
    return text[max(text.rfind(" "), text.rfind(",")) + 1 :].lower()


def rewrite(unit: Unit, topic: str, person: Person) -> list[str]:
    """Return the sentences a unit becomes under a class of the classifier; an empty list when it says nothing."""
    if unit.role == "doctor":
        sentence = "" if unit.is_question else _doctor_statement(unit.text, topic, person)
        return [sentence] if sentence else []
    return _patient_statements(unit, COMPANION if unit.role == "companion" else person)


def _patient_statements(unit: Unit, person: Person) -> list[str]:
    if (text := _HEDGE_END.sub("", unit.text)) != unit.text:
        unit = replace(unit, text=text)
    base = with_is(strip_lead(unit.text))
    words = len(base.split())
    found: list[str] = []
    answers = bool(YES.match(unit.raw) or NO.match(unit.raw))
    if unit.question and (words <= _SHORT_ANSWER or answers or not has_verb(base)):
        statement = _with_subject(answer_statement(unit, person), person)
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
        if denied and _WELCOME.match(base):
            denied = None  # nobody denies energy: it is missing
        symptoms = _FURTHER_DENIAL.sub(r"\1", base[denied.end() :]) if denied else base
        third = patient_to_third(symptoms, person)
        sentence = finish(f"{_noun(person)} {'denies' if denied else 'reports'} {third[:1].lower()}{third[1:]}")
    if sentence:
        found.append(sentence)
    return found


def _noun(person: Person) -> str:
    return COMPANION.subject if person is COMPANION else UNNAMED.subject


def _with_subject(statement: str | None, person: Person) -> str | None:
    """Return `Denies ...` and `Reports ...` with the person who does."""
    if statement and statement.startswith(("Denies ", "Reports ")):
        return f"{_noun(person)} {statement[0].lower()}{statement[1:]}"
    return statement


def explained(unit: Unit, person: Person) -> list[str]:
    """Return a clinician's teaching as reported speech."""
    told = you_to_third(_DOCTOR_LEAD.sub("", strip_lead(unit.text)), person)
    if len(told.split()) < 4 or not has_verb(told) or re.match(r"i\b", told, re.IGNORECASE):
        return []
    first = told.split(" ", 1)[0]
    keeps_capital = (first.isupper() and len(first) > 1) or bool(_PROPER.match(first.lower()))
    return [finish(f"the clinician explained that {told if keeps_capital else told[0].lower() + told[1:]}")]


def quoted(unit: Unit, person: Person) -> list[str]:
    """Return what a patient said in their own words, to the letter but for what speech writing left small or apart."""
    words = re.sub(r"\s+([,.;:?!'])", r"\1", " ".join(_BEFORE_QUOTE.sub("", unit.raw).split())).strip(" ,.;")
    if len(words.split()) < 2:
        return []
    words = re.sub(r"\bi\b", "I", words)
    end = "" if words.endswith(("?", "!")) else "."
    return [f"{person.subject[0].upper()}{person.subject[1:]} said: “{words[0].upper()}{words[1:]}{end}”"]


def _asks(unit: Unit) -> bool:
    return unit.raw.rstrip(" \"'").endswith("?") or bool(
        re.match(
            r"^(?:what|why|how|should i|can i|do i|is it|is that|are you|do you|would you|could you)\b",
            unit.text,
            re.IGNORECASE,
        )
    )


def _doctor_statement(text: str, topic: str, person: Person) -> str:
    base = strip_lead(_DOCTOR_LEAD.sub("", strip_lead(_THANKS_END.sub("", text))))
    if topic in ("exam", "vitals"):
        return finish(_examination(base))
    if topic == "plan":
        return finish(planned(base, person) or you_to_third(_ASIDES.sub("", base), person))
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


def parted(sentence: str) -> list[str]:
    """Return a sentence as one or more, cut before a clause with its own subject where it is too long to be read at once."""
    if len(sentence.split()) <= _LONGEST_WHOLE or "“" in sentence:
        return [sentence]
    middle = len(sentence) / 2
    joints = [joint for joint in _JOINT.finditer(sentence) if len(sentence[: joint.start()].split()) >= _SHORTEST_PART]
    joints = [joint for joint in joints if len(sentence[joint.end() :].split()) >= _SHORTEST_PART]
    if not joints:
        return [sentence]
    joint = min(joints, key=lambda one: abs(one.start() - middle))
    return [part for half in (sentence[: joint.start()], sentence[joint.end() :]) for part in parted(finish(half))]


def is_readable(sentence: str, *, by_doctor: bool, may_be_terse: bool = False) -> bool:
    """Say whether a rewritten sentence can stand in a note: nobody is addressed, enough content, a verb.

    The clinician writes the note, so their own `I` may stay. `may_be_terse` is for findings, results and plans, which are often
    written without a verb.
    """
    if (_LEFT_OVER_OF_DOCTOR if by_doctor else _LEFT_OVER).search(_QUOTATION.sub("", sentence)):
        return False
    if len(content_words(sentence)) < 1 or len(sentence.split()) < 2 or is_fragment(sentence):
        return False
    if _ONLY_PLACE.match(sentence) and not has_verb(sentence) and ":" not in sentence:
        return False
    if _NO_REPORT.match(sentence):
        return False
    return may_be_terse or ":" in sentence or has_verb(sentence)
