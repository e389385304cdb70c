"""Which topic a template's section is about, and which topics a fact may stand under."""

from dataclasses import dataclass

from reports.templating.structure import Section

from .facts import Fact
from .folded import Folded
from .lexicon import HARM_TO_OTHERS, SELF_HARM
from .substance_talk import is_soft_drinking
from .titles import topic_for_title

_DOSE = Folded(r"\b\d+(?:\.\d+)? ?(?:mg|mcg|ml|units?|micrograms?|milligrams?)\b")
_CUES: dict[str, Folded] = {
    topic: Folded(pattern)
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
                r"\b\d+(?:\.\d+)? ?(?:mg|mcg|ml|units)\b|\b(?:prescri\w*|medic\w*|tablets?|dose|refills?|"
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
                r"encourag\w*|important|(?:weekly|fortnightly|monthly) (?:\w+ ){0,2}(?:\w*therapy|counsell?ing))\b"
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
        (
            "goals",
            (
                r"\b(?:goals?|aims? (?:is|are|for|to)|(?:wants?|hopes?|would like|wishes) to (?:be able|feel|get|work|stop|"
                r"learn|return|go back|cut|reduce|manage|improve))\b"
            ),
        ),
        ("perception", r"\b(hear\w* (?:\w+ )?voices?|voices|see\w* things|hallucinat\w*|visions?)\b"),
        ("speech", r"\b(speech|talk\w*|speak\w*|voice)\b"),
        ("thought", r"\b(thoughts?|thinking|delusion\w*|obsess\w*|suspicious)\b"),
        ("cognition", r"\b(concentrat\w*|memory|focus\w*|attention|oriented|orientation|forget\w*)\b"),
        ("insight", r"\b(insight|judge?ment)\b"),
        ("vitals", r"\b(blood pressure|heart rate|pulse|temperature|oxygen|weight|bmi)\b"),
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
    # Of counselling sessions.
    "focus": ("history", "chief_complaint"),
    "rating": ("results", "exam", "mental_status", "response", "assessment", "history"),
    "observed": ("mental_status", "exam", "response", "assessment", "history"),
    "insight": ("assessment", "response", "history"),
    "readiness": ("assessment", "response", "history"),
    "intervention": ("interventions", "plan", "response"),
}
# Cues tried before the chain, in this order, for each kind of fact.
_CUED: dict[str, tuple[str, ...]] = {
    "hpi": ("perception", "substance_use", "sleep_appetite", "cognition", "medications", "goals", "mood"),
    "ros": ("sleep_appetite", "mood"),
    "social": ("substance_use",),
    "pmh": ("family_history", "substance_use"),
    "exam": ("speech", "thought", "perception", "cognition", "insight", "mood", "appearance", "mental_status"),
    "results": ("vitals",),
    "plan": ("goals", "homework", "follow_up", "plan_medications", "education"),
}


_NOT_RISK = frozenset(
    ("focus", "intervention", "education")
)  # they name the subject, they state nothing about the patient
_CLOSED_TYPES = frozenset(("fixed", "checklist"))  # their lines are the template's, not what was told


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in a template that takes sentences; `section_id` is the section, `leaf_id` its subsection or empty."""

    section_id: str
    leaf_id: str
    topics: tuple[str, ...]


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
        places.extend(
            Place(section.id, child.id, topics_of(child, section))
            for child in section.subsections
            if child.type not in _CLOSED_TYPES
        )
    places.extend(
        Place(section.id, "", topics_of(section)) for section in sections if section.type not in _CLOSED_TYPES
    )
    return places


def topics_for(fact: Fact) -> list[str]:
    """Return the topics a fact may stand under, the most fitting first."""
    topics: list[str] = []
    said = f"{fact.question} {fact.text}"
    if (SELF_HARM.search(said) and fact.kind not in _NOT_RISK) or (
        HARM_TO_OTHERS.search(said) and fact.kind in ("hpi", "ros", "assessment", "plan")
    ):
        topics.append("risk")
    if fact.kind == "plan" and _DOSE.search(fact.text):
        topics.append("plan_medications")  # whatever else the sentence plans: a dose is looked for there
    topics.extend(topic for topic in _CUED.get(fact.kind, ()) if _CUES[topic].search(said))
    if is_soft_drinking(fact.text, fact.question):
        topics = [topic for topic in topics if topic != "substance_use"]
    topics.extend(_CHAINS.get(fact.kind, ("history",)))
    return topics


def place_for(fact: Fact, places: list[Place]) -> Place | None:
    """Return where a fact goes, or None when the template has no place for it."""
    for topic in topics_for(fact):
        for place in places:
            # How somebody took to what was said is no response to a medicine.
            if topic in place.topics and not (topic == "response" and place.topics[0] == "medications"):
                return place
    return None


def has_topic(places: list[Place], topic: str) -> bool:
    return any(topic in place.topics for place in places)
