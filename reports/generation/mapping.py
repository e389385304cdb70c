"""Which topic a template's section is about, and which topics a fact may stand under."""

import re
from dataclasses import dataclass

from reports.structure import Section

from .facts import Fact
from .lexicon import HARM_TO_OTHERS, SELF_HARM

# Title to topic, the first match wins; more specific names stand first.
_ALIASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (topic, re.compile(pattern, re.IGNORECASE))
    for topic, pattern in (
        ("risk", r"risk|suicid|self.?harm|safety|safeguard|homicid|danger"),
        (
            "mental_status",
            (
                r"mental (state|status)|\bmse\b|appearance and behaviou?r|\baffect\b|thought (process|content)|"
                r"cognition|insight|judge?ment"
                r"|behaviou?r|observ|how they (looked|spoke)|speech|perception|orientation"
            ),
        ),
        (
            "chief_complaint",
            (
                r"chief complaint|presenting (problem|complaint|concern|issue)|reason for (visit|referral|"
                r"consult)|^cc$|main concern"
                r"|why (they|the patient) came|^problem$|^complaint"
            ),
        ),
        ("vitals", r"vital"),
        ("review_of_systems", r"review of systems?|systems? review|^ros$"),
        ("allergies", r"allerg"),
        ("homework", r"homework|between.session|assignment|exercises?$|to do before|practice at home"),
        (
            "follow_up",
            r"follow.?up|next (session|appointment|visit)|review date|disposition|discharge plan|meet next|return",
        ),
        ("education", r"education|counsel|advice|instructions|information given"),
        ("appearance", r"general appearance|^appearance"),
        ("medications", r"medication|medicine|drugs?\b(?! use)(?<!and drugs)|prescri|^dh$|^rx$|tablets|pills"),
        ("substance_use", r"substance|alcohol|drug use|smok|tobacco|drinking|addiction|and drugs"),
        (
            "past_history",
            (
                r"(past|medical|surgical|psychiatric|family|developmental|birth).*histor|pmh|background|"
                r"comorbid|primary medical"
                r"|other active problem|childhood|^history$|previous (treatment|episodes)"
            ),
        ),
        (
            "social",
            (
                r"social|psychosocial|occupation|living|relationship|personal history|employment|lifestyle|"
                r"stressors|family situation|support"
            ),
        ),
        ("sleep_appetite", r"sleep|appetite"),
        ("mood", r"\bmood\b|emotional"),
        (
            "results",
            (
                r"investigation|result|\blabs?\b|laboratory|imaging|scales?\b|scores?\b|phq|gad|measures|"
                r"assessment tools?|tests?$"
            ),
        ),
        ("exam", r"exam|objective|physical|findings"),
        (
            "interventions",
            (
                r"intervention|technique|therapy activities|modalit|session content|treatment provided|what (i|"
                r"we) did|coping"
            ),
        ),
        ("response", r"response|progress|engagement|evaluation|reaction"),
        ("assessment", r"assessment|impression|diagnos|formulation|analysis|differential|clinical summary|opinion"),
        ("plan", r"plan|treatment|management|recommend|goals?|next steps|referral|actions?|orders?"),
        (
            "history",
            (
                r"history of (the )?present|\bhpi\b|subjective|current (history|symptom|status|situation)|"
                r"symptom|interval|narrative"
                r"|clinical history|presenting history|client report|story|told me|\bdata\b|description|"
                r"concerns|content|summary|notes?$"
            ),
        ),
    )
)
_CUES: dict[str, re.Pattern[str]] = {
    topic: re.compile(pattern, re.IGNORECASE)
    for topic, pattern in (
        (
            "sleep_appetite",
            (
                r"\b(sleep\w*|slept|insomnia|awake|wak(?:e|es|ing) up|nightmares?|appetite|eating|eats?|meals?|"
                r"nap(?:s|ping)?)\b"
            ),
        ),
        (
            "mood",
            (
                r"\b(mood|sad|low|down|depress\w*|anxi\w+|hopeless\w*|irritab\w+|angry|anger|crying|tearful|"
                r"worthless|guilt\w*|happy|worr(?:y|ies|ied)"
                r"|panic\w*|overwhelm\w*|numb|joy|interest|enjoys?|lonely|stress\w*)\b"
            ),
        ),
        (
            "substance_use",
            (
                r"\b(alcohol|drink(?:s|ing)?|drank|beers?|wine|whisk\w+|vodka|smok\w+|cigarettes?|tobacco|"
                r"vap\w+|cannabis|marijuana|weed|cocaine|"
                r"heroin|opioids?|drugs|sober|sobriety|hangover)\b"
            ),
        ),
        (
            "plan_medications",
            (
                r"\b\d+(?:\.\d+)? ?(?:mg|mcg|mL|units)\b|\b(?:prescri\w*|medic\w*|tablets?|dose|refills?|"
                r"pills?|taper\w*|antidepressant\w*)\b"
            ),
        ),
        (
            "follow_up",
            (
                r"\b(follow[- ]?up|see (?:him|her|the patient|them)|(?:in|for) (?:about |the next )?(?:a|an|"
                r"\d+|two|three|several|few) "
                r"(?:more )?(?:days?|weeks?|months?)|come back|return|appointment|next (?:week|session|time|"
                r"month|visit)|refer\w*|check back)\b"
            ),
        ),
        (
            "education",
            (
                r"\b(should|avoid|educat\w*|counsel\w*|discuss\w*|diet|exercise|monitor|explained|advis\w*|"
                r"make sure|be careful|side effects?|"
                r"encourag\w*|important)\b"
            ),
        ),
        (
            "homework",
            (
                r"\b(homework|practi[cs]e|journal|diary|write (?:it )?down|worksheet|keep track|try (?:to|the|"
                r"this)|before (?:our )?next|at home|"
                r"breathing|every (?:day|night|evening|morning)|log)\b"
            ),
        ),
        (
            "appearance",
            (
                r"\b(tired|appear\w*|groom\w*|dress\w*|no (?:acute )?distress|well[- ]nourished|alert|"
                r"eye contact|(?:patient|he|she) looks?)\b"
            ),
        ),
        (
            "mental_status",
            (
                r"\b(mood|affect|speech|thoughts?|oriented|orientation|insight|judge?ment|eye contact|memory|"
                r"attention|cooperative|tearful|"
                r"hallucinat\w*|delusion\w*|psychomotor|alert|voices)\b"
            ),
        ),
        (
            "response",
            (
                r"\b(makes? sense|helps?|helped|helpful|feels? better|willing|agree[sd]?|motivat\w+|ready|"
                r"confident|useful|relie\w+)\b"
            ),
        ),
        (
            "family_history",
            (
                r"\b(?:runs in (?:the|his|her|their) family|family history|(?:his|her|their|"
                r"the patient's) (?:mother|mom|mum|father|dad|brother|sister|"
                r"aunt|uncle|cousin|grandmother|grandfather|grandma|grandpa))\b"
            ),
        ),
        ("perception", r"\b(hear\w* (?:\w+ )?voices?|voices|see\w* things|hallucinat\w*|visions?)\b"),
        ("speech", r"\b(speech|talk\w*|speak\w*|voice)\b"),
        ("thought", r"\b(thoughts?|thinking|delusion\w*|obsess\w*|suspicious)\b"),
        ("cognition", r"\b(concentrat\w*|memory|focus\w*|attention|oriented|orientation|forget\w*)\b"),
        ("insight", r"\b(insight|judge?ment)\b"),
        ("vitals", r"\b(blood pressure|heart rate|pulse|temperature|oxygen|weight|BMI)\b"),
        (
            "medications",
            (
                r"\b(\d+(?:\.\d+)? ?(?:mg|mcg)|medication|tablets?|side effects?|dose|sertraline|escitalopram|"
                r"fluoxetine|lithium|olanzapine|"
                r"quetiapine|risperidone|mirtazapine|venlafaxine|clonazepam)\b"
            ),
        ),
    )
}
_CHAINS: dict[str, tuple[str, ...]] = {
    "cc": ("chief_complaint", "history"),
    "hpi": ("history", "chief_complaint"),
    "ros": ("history", "review_of_systems", "chief_complaint"),
    "pmh": ("past_history", "history"),
    "social": ("social", "past_history", "history"),
    "meds": ("medications", "past_history", "history"),
    "allergy": ("allergies", "medications", "past_history", "history"),
    "vitals": ("vitals", "exam", "results", "mental_status", "history"),
    "exam": ("exam", "mental_status", "vitals", "results", "assessment", "history"),
    "results": ("results", "exam", "assessment", "history"),
    "assessment": ("assessment", "response", "plan", "history"),
    "plan": ("plan", "follow_up", "interventions", "assessment"),
    "agreement": ("plan",),
    "education": ("education", "interventions"),
    "response": ("response",),
}
# Cues tried before the chain, in this order, for each kind of fact.
_CUED: dict[str, tuple[str, ...]] = {
    "hpi": ("perception", "substance_use", "sleep_appetite", "cognition", "medications", "mood"),
    "ros": ("sleep_appetite", "mood"),
    "social": ("substance_use",),
    "pmh": ("family_history", "substance_use"),
    "exam": ("speech", "thought", "cognition", "insight", "appearance", "mental_status"),
    "results": ("vitals",),
    "plan": ("homework", "follow_up", "plan_medications", "education"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a template that takes sentences; `section_id` is the section, `leaf_id` its subsection or empty."""

    section_id: str
    leaf_id: str
    topics: tuple[str, ...]


def topic_for_title(title: str) -> str | None:
    """Return the topic a title names, or None when it names none we know."""
    plain = title.replace("_", " ").strip()
    for topic, pattern in _ALIASES:
        if pattern.search(plain):
            return topic
    return None


def topics_of(section: Section, parent: Section | None = None) -> tuple[str, ...]:
    """Return the topics of a section: as its author chose, else by its title; within a plan, medication means the planned one."""
    if section.topics:
        return section.topics
    topic = topic_for_title(section.title)
    if topic is None:
        return ()
    if topic == "medications" and parent is not None and "plan" in topics_of(parent):
        return ("plan_medications",)
    return (topic,)


def places_of(sections: tuple[Section, ...]) -> list[Place]:
    """Return every place of a template: subsections first, then the sections themselves, in the template's order."""
    places: list[Place] = []
    for section in sections:
        places.extend(Place(section.id, child.id, topics_of(child, section)) for child in section.subsections)
    places.extend(Place(section.id, "", topics_of(section)) for section in sections)
    return places


def topics_for(fact: Fact) -> list[str]:
    """Return the topics a fact may stand under, the most fitting first."""
    topics: list[str] = []
    said = f"{fact.question} {fact.text}"
    if SELF_HARM.search(said) or (HARM_TO_OTHERS.search(said) and fact.kind in ("hpi", "ros", "assessment", "plan")):
        topics.append("risk")
    topics.extend(topic for topic in _CUED.get(fact.kind, ()) if _CUES[topic].search(said))
    topics.extend(_CHAINS.get(fact.kind, ("history",)))
    return topics


def place_for(fact: Fact, places: list[Place]) -> Place | None:
    """Return where a fact goes, or None when the template has no place for it."""
    for topic in topics_for(fact):
        for place in places:
            if topic in place.topics:
                return place
    return None


def has_topic(places: list[Place], topic: str) -> bool:
    return any(topic in place.topics for place in places)
