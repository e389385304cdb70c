"""A question and its short answer as one statement: the only source of `Denies ...`."""

import re

from .antecedents import asked_about
from .counting import counted
from .grammar import Person, patient_to_third, third_person, you_after_name, you_to_third
from .units import NO, YES, Unit

_LEADING = re.compile(
    r"^(?:and|so|but|then|now|or|also|okay|alright|all right|great|good|well|because|do you know if|"
    r"can you tell me if|can i ask if|"
    r"let me ask you|tell me)\b[ ,]*",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?<![ ,])[ ,]*\b(?:at all|right|correct|is that right|anything like that|or anything(?: like that| else)?|"
    r"or no|or not|or so|these days|"
    r"by any chance|yet|there|okay|then)$",
    re.IGNORECASE,
)
_EXPERIENCES = (
    r"(?:having|experiencing|feeling|getting|noticing|had|felt|experienced|noticed|have|feel|get|notice|experience)"
)
_ADVERBS = r"((?:(?:ever|still|also|currently|often|usually|normally|recently|actually|been|otherwise|generally) )*)"
_VAGUE = re.compile(r"\bany(?:thing|one|body|where)?\b", re.IGNORECASE)
_ABILITIES = r"(?:see|hear|move|feel|walk|remember|concentrate|focus|sleep|eat|work|swallow|breathe|sit|stand|cope|function|enjoy|bend)"
_MEASURES = (
    (r"\bhow long\b", "Duration"),
    (r"^when\b", "Onset"),
    (r"\bhow (?:often|frequent|many times)\b", "Frequency"),
    (r"\b(?:rate|scale|pain level|pain score)\b", "Severity"),
    (r"\bwhat (?:dose|dosage)\b", "Dose"),
    (r"\b(?:what|which) (?:\w+ )?(?:medications?|medicines?|meds|tablets?|pills?)\b", "Medication"),
    (r"\bwhat (?:do you take|are you (?:on|taking))\b", "Medication"),
    (r"\bwhat do you do (?:for (?:work|a living)|professionally)\b", "Occupation"),
    (r"\bwhere do you work\b", "Workplace"),
    (r"\bwho (?:do you live with|lives with you|is at home|else is at home)\b", "Lives with"),
    (r"^where\b", "Location"),
)
_SCALES = (
    (r"important|importance", "Importance"),
    (r"confiden", "Confidence"),
    (r"ready|readiness", "Readiness"),
    (r"motivat", "Motivation"),
    (r"anxious|anxiety|worried", "Anxiety"),
    (r"depress|mood|\bsad\b", "Mood"),
    (r"stress", "Stress"),
)
_ABOUT = re.compile(
    r"^how (?:is|are|was|were|has|have) (?:your |the )((?:\w+ )?(?:sleep|appetite|mood|energy|"
    r"concentration|memory|weight|work|school|"
    r"anxiety|depression|marriage|relationship|motivation|pain|diet|sex drive|libido))\b",
    re.IGNORECASE,
)
_HOW_SINCE = re.compile(r"^how have you been\b(?! (?:taking|sleeping|eating|doing with))", re.IGNORECASE)
_STATE = re.compile(
    r"^(?:(?:a (?:bit|little|lot)|much|somewhat|slightly|quite|very|really|pretty|no|not (?:too|so|very)|about the|not much) )*"
    r"(?:better|worse|good|bad|fine|okay|ok|well|low|down|up and down|the same|same|tired|anxious|stressed|stable|great)$",
    re.IGNORECASE,
)
# "Are you still taking it?" - "Yes. No dizziness.": what is absent is the dizziness, not the taking.
_ABSENT = re.compile(
    r"^(?:(?:oh|um|uh|well),? )*no (?!(?:i|it|we|he|she|they|you|that|there|this|these|those|not|never|no|nope|none|"
    r"nothing|one|more|longer|sir|ma'?am|miss|doctor|doc|dr|thanks?|but|just|because|cause|my|the|a|an|really|at|so|"
    r"way|doubt|idea|and|or|if|since|honestly|actually|only|mostly|usually|always|sometimes|still|well|okay|yeah|yes|"
    r"um|uh|oh)\b)([a-z]+)(?: [a-z]+){0,3}[.!]?$"
)
_NOTHING_NAMED = re.compile(
    r"^(?:any ?)*(?:things?|one|body|where|others?|more)?(?: else| more| other)?(?: (?:to add|like (?:that|this)|at all))?$",
    re.IGNORECASE,
)
# "Do you feel like you are getting up in the mornings difficult": begun twice, it asks nothing that can be denied.
_TWO_QUESTIONS = re.compile(
    r"^do you (?:feel|find) like (?:you are|it is) \w+ing\b.*\b(?:difficult|hard|easy|harder|easier|tough|impossible)$",
    re.IGNORECASE,
)
_LONGEST_FRAGMENT = 9  # words; a longer answer is a statement of its own


def answer_statement(unit: Unit, person: Person) -> str | None:
    """Return what a short answer says together with its question, or None when that is not certain."""
    question = _tidy(unit.question)
    if not question:
        return None
    if (absent := _ABSENT.match(unit.raw)) and absent.group(1) not in unit.question.lower():
        return None
    if unit.says_no:
        return _from_no(question, unit.raw, person)
    if unit.says_yes:
        return _from_yes(question, unit.raw, person)
    if name := counted(unit):
        told = patient_to_third(unit.text, person)
        return f"{name}: {told[0].lower()}{told[1:]}"
    return _from_fragment(question, unit.text, person)


def is_no_question(question: str) -> bool:
    """Say whether a question is put in the negative (`so no fevers?`), where yes and no may mean the same."""
    return bool(
        re.match(r"^(?:no|not|never|nothing)\b|^you (?:do|have|are|did|had) not\b", _tidy(question), re.IGNORECASE)
    )


def _tidy(question: str) -> str:
    question = question.rstrip("?. ")
    previous = None
    while previous != question:
        previous = question
        question = _LEADING.sub("", question)
    question = re.split(r"\bor anything\b|,? or are you\b|,? or do you\b|,? or is it\b", question)[0].strip(" ,")
    previous = None
    while previous != question:
        previous = question
        question = _TRAILING.sub("", question).strip(" ,")
    return question


def _from_no(question: str, raw: str, person: Person) -> str | None:
    subject = person.subject
    if match := re.match(r"^(?:no|any) (.+)$", question, re.IGNORECASE):
        return _denied(match.group(1), person)
    if match := re.match(
        rf"^(?:(?:do|did|are|have|has|had|were|is|was) (?:you|there|it|"
        rf"that)?\s*{_ADVERBS}(?:{_EXPERIENCES} )*)any (?!more\b)(.+)$",
        question,
        re.IGNORECASE,
    ):
        return _denied(match.group(2), person)
    if match := re.match(
        rf"^(?:do|did|are|have) you {_ADVERBS}{_EXPERIENCES} (?!to\b|a chance\b|like\b)(.+)$", question, re.IGNORECASE
    ):
        phrase = _experience(question, match.group(2))
        return f"Denies {you_after_name(phrase, person)}"
    if match := re.match(r"^is there (?:still )?(?:a |any |some )?(.+)$", question, re.IGNORECASE):
        return f"Denies any {you_after_name(match.group(1), person)}"
    return _negated(question, subject, person)


def _denied(phrase: str, person: Person) -> str | None:
    """Return what is denied of what was asked for with `any`; nothing where only `anything else` was."""
    if _NOTHING_NAMED.match(phrase):
        return None
    any_ = "" if re.match(r"any(?:thing|one|body|where)?\b", phrase, re.IGNORECASE) else "any "
    return f"Denies {any_}{you_after_name(phrase, person)}"


def _experience(question: str, phrase: str) -> str:
    """Return what was asked about as a noun phrase: `feel hopeless` is `feeling hopeless`, `feel any pain` is `pain`."""
    is_noun = re.match(
        r"^(?:a|an|any|the|some|pain|no|your|thoughts?|chills?|nausea|palpitations)\b", phrase, re.IGNORECASE
    )
    feels = re.search(rf"\b(?:feel|feeling|felt) {re.escape(phrase)}", question, re.IGNORECASE)
    return f"feeling {phrase}" if feels and not is_noun else phrase


def _negated(question: str, subject: str, person: Person) -> str | None:
    if match := re.match(rf"^have you {_ADVERBS}(.+)$", question, re.IGNORECASE):
        been = "been " if "been" in match.group(1) else ""
        never = "never" if "ever" in match.group(1).split() else "not"
        return f"{subject} has {never} {been}{you_to_third(match.group(2), person)}"
    if match := re.match(rf"^are you {_ADVERBS}(.+)$", question, re.IGNORECASE):
        adverb = "no longer" if "still" in match.group(1) else "not"
        return f"{subject} is {adverb} {you_to_third(match.group(2), person)}"
    if _TWO_QUESTIONS.match(question):
        return None
    if match := re.match(rf"^do you {_ADVERBS}(.+)$", question, re.IGNORECASE):
        rest = you_to_third(match.group(2), person)
        if "still" in match.group(1):
            verb, _, tail = rest.partition(" ")
            return f"{subject} no longer {third_person(verb)} {tail}".strip()
        return f"{subject} does not {rest}"
    if match := re.match(rf"^did you {_ADVERBS}(.+)$", question, re.IGNORECASE):
        return f"{subject} did not {you_to_third(match.group(2), person)}"
    if match := re.match(rf"^can you (?:still )?({_ABILITIES}\b.*)$", question, re.IGNORECASE):
        return f"{subject} cannot {you_to_third(match.group(1), person)}"
    if match := re.match(
        r"^(is|was|are|were) (it|that|this|he|she|they|(?:your|the) \w+) (.+)$", question, re.IGNORECASE
    ):
        return f"{you_to_third(match.group(2), person)} {match.group(1).lower()} not {you_to_third(match.group(3), person)}"
    if match := re.match(r"^(does|did) (it|that|he|she|(?:your|the) \w+) (.+)$", question, re.IGNORECASE):
        return f"{you_to_third(match.group(2), person)} {match.group(1).lower()} not {you_to_third(match.group(3), person)}"
    return None


def _from_yes(question: str, raw: str, person: Person) -> str | None:
    subject = person.subject
    if is_no_question(question):
        # "So no fevers?" - "Right." denies; a bare "yes" can mean either, so nothing is written.
        noun = re.match(r"^no (.+)$", question, re.IGNORECASE)
        agrees = re.match(r"^(?:correct|right|that's (?:right|correct))\b", raw)
        return f"Denies any {you_after_name(noun.group(1), person)}" if noun and agrees else None
    if re.search(r"\bany(?:thing|one|body|where)\b", question, re.IGNORECASE) or " or " in question:
        return None
    plain = _VAGUE.sub("", question)
    plain = " ".join(plain.split())
    if match := re.match(
        rf"^(?:do|did|are|have) you {_ADVERBS}{_EXPERIENCES} (?!to\b|a chance\b|like\b)(.+)$", plain, re.IGNORECASE
    ):
        phrase = _experience(question, match.group(2))
        return f"Reports {you_after_name(phrase, person)}"
    if match := re.match(r"^(?:is|are) there (?:still )?(.+)$", plain, re.IGNORECASE):
        return f"Reports {you_after_name(match.group(1), person)}"
    if match := re.match(r"^any (.+)$", question, re.IGNORECASE):
        return f"Reports {you_after_name(match.group(1), person)}"
    if match := re.match(rf"^have you {_ADVERBS}(.+)$", plain, re.IGNORECASE):
        been = "been " if "been" in match.group(1) else ""
        return f"{subject} has {been}{you_to_third(match.group(2), person)}"
    if match := re.match(rf"^are you {_ADVERBS}(.+)$", plain, re.IGNORECASE):
        still = "still " if "still" in match.group(1) else ""
        return f"{subject} is {still}{you_to_third(match.group(2), person)}"
    if match := re.match(rf"^do you {_ADVERBS}(.+)$", plain, re.IGNORECASE):
        verb, _, tail = you_to_third(match.group(2), person).partition(" ")
        still = "still " if "still" in match.group(1) else ""
        return f"{subject} {still}{third_person(verb)} {tail}".strip()
    if match := re.match(rf"^did you {_ADVERBS}(.+)$", plain, re.IGNORECASE):
        return f"{subject} did {you_to_third(match.group(2), person)}"
    if match := re.match(rf"^can you (?:still )?({_ABILITIES}\b.*)$", plain, re.IGNORECASE):
        return f"{subject} can {you_to_third(match.group(1), person)}"
    if match := re.match(r"^(is|was|are|were) (it|that|this|he|she|they|(?:your|the) \w+) (.+)$", plain, re.IGNORECASE):
        return f"{you_to_third(match.group(2), person)} {match.group(1).lower()} {you_to_third(match.group(3), person)}"
    if match := re.match(r"^does (it|that|he|she|(?:your|the) \w+) (\w+)(.*)$", plain, re.IGNORECASE):
        return f"{you_to_third(match.group(1), person)} {third_person(match.group(2))}{you_to_third(match.group(3), person)}"
    if re.match(r"^(?:you|your)\b", plain, re.IGNORECASE) and len(plain.split()) <= 18:
        return you_to_third(plain, person)
    return None


def _from_fragment(question: str, answer: str, person: Person) -> str | None:
    if not answer or len(answer.split()) > _LONGEST_FRAGMENT:
        return None
    if re.match(r"^(?:i|it|he|she|they|we|that|there|this|you|my)\b", answer, re.IGNORECASE):
        return None  # a clause of its own
    told = patient_to_third(answer, person)
    if told[1:2].islower() or told.startswith("A "):
        told = f"{told[0].lower()}{told[1:]}"
    if re.search(r"\bscale\b|\b(?:0|1) to 10\b", question, re.IGNORECASE) and (
        number := re.search(r"\b(10|\d)\b", told)
    ):
        for pattern, label in _SCALES:
            if re.search(pattern, question, re.IGNORECASE):
                return f"{label}: {number.group(1)}/10"
    if _HOW_SINCE.match(question) and _STATE.match(told):
        return f"{person.subject} has been {told}"
    if (match := _ABOUT.match(question)) and match.group(1).lower() not in told.lower():
        return f"{match.group(1)}: {told}"
    if ":" not in told and (name := asked_about(question)) and name not in told.lower():
        return f"{name}: {told}"
    if match := re.match(r"^how (?:many|much) ([a-z]+(?: of [a-z]+)?)\b", question, re.IGNORECASE):
        noun = match.group(1)
        label = (
            "Amount"
            if noun.lower() in ("do", "did", "is", "are", "of", "have", "would", "has", "was", "does")
            else noun
        )
        return f"{label}: {told}"
    for pattern, label in _MEASURES:
        if re.search(pattern, question, re.IGNORECASE):
            return f"{label}: {told}"
    return None


def starts_with_answer(text: str) -> bool:
    return bool(YES.match(text) or NO.match(text))
