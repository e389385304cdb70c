"""Names a note of a counselling session uses for subjects and exercises, each with the words that are said for it."""

import re

from .folded import Folded

_SUBJECTS: tuple[tuple[str, str, bool], ...] = (
    # name in a note, words said for it, whether it is something a person may change
    ("alcohol use", r"alcohol|drink(?:s|ing)?|drank|beers?|wine|whisky|vodka|pints?|sober|drunk", True),
    ("smoking", r"smok(?:e|es|ed|ing|er)|cigarettes?|tobacco|nicotine|vap(?:e|ing)|pack a day", True),
    ("cannabis use", r"cannabis|weed|marijuana|joints?|spliffs?|pot", True),
    ("drug use", r"cocaine|coke|heroin|crack|meth|using drugs|drug use|drugs|pills|relapse[ds]?", True),
    ("gambling", r"gambl\w+|betting|casino|bets?|slot machines?|lottery", True),
    ("weight and eating", r"weight|diet(?:ing|s)?|eating|calories|pounds|snack\w*|meals?|overweight|vegetables|junk food", True),
    ("exercise", r"exercis\w+|gym|walking|running|jogging|physical(?:ly)? activ\w+|work(?:ing)? out|treadmill|swimming", True),
    ("taking medication", r"medications?|medicines?|meds|tablets|prescri\w+|inhalers?|doses?|dosage|insulin", True),
    ("diabetes", r"diabet\w+|blood sugar|glucose|sugar", False),
    ("asthma", r"asthma|inhalers?|wheez\w+", False),
    ("probation", r"probation|parole|jail|prison|court|judge|charges?|arrest\w*|offen[cs]\w+|curfew", True),
    ("anger", r"anger|angry|temper|fights?|fighting|rage|lash(?:ed|ing)? out|hit(?:ting)?", True),
    (
        "suicidal thoughts",
        r"suicid\w+|kill(?:ing)? (?:myself|yourself)|end(?:ing)? (?:my|your) life|want(?:ed)? to die|overdose|safety plan",
        False,
    ),
    ("self-harm", r"self[- ]harm|cutting|cut myself|hurt(?:ing)? (?:myself|yourself)", False),
    ("sleep", r"sleep(?:ing)?|slept|insomnia|nightmares?|awake|nap", False),
    ("panic attacks", r"panic|panic attacks?", False),
    ("anxiety", r"anxi\w+|worr(?:y|ies|ied|ying)|nervous", False),
    ("low mood", r"depress\w+|low mood|hopeless|sad(?:ness)?|mood", False),
    ("grief", r"grie(?:f|ve|ving)|died|funeral|passed away|death|loss", False),
    ("trauma", r"trauma\w*|flashbacks?|the accident|abused?|memory|memories", False),
    ("relationship", r"husband|wife|marriage|partner|boyfriend|girlfriend|relationship|divorc\w+", False),
    ("parenting", r"my (?:son|daughter|kids?|children|boy|girl)|tantrums?|parent\w*|your (?:son|daughter|kids?|children)", False),
    ("school", r"school|class(?:es)?|teachers?|exams?|grades?|homework", False),
    ("work", r"work|job|boss|shifts?|colleagues?|office", False),
)  # fmt: skip
_EXERCISES: tuple[tuple[str, str], ...] = (
    ("safety planning", r"\bsafety plan\b"),
    ("thought record", r"\bthought record\b"),
    ("examining the evidence for a thought", r"\bevidence (?:for|against|that)\b|\blook at the thought\b|\btest that thought\b"),
    ("chain analysis", r"\bchain\b"),
    ("role play", r"\brole[- ]play\b|\bi(?:'ll| will) be the\b"),
    ("grounding", r"\bfive things\b|\bfeet on the floor\b|\bgrounding\b"),
    ("breathing exercise", r"\bbreathe? (?:in|out|fast|slowly)\b|\bbreathing exercise\b|\blet us breathe\b|\bwe will breathe\b"),
    ("eye movements", r"\bfollow my (?:fingers?|hand)\b"),
    ("bilateral tapping", r"\bfollow the taps\b|\btapping\b"),
    ("body scan", r"\bscan your body\b|\bbody scan\b"),
    ("calm place", r"\bcalm place\b|\bsafe place\b|\bend with the place\b"),
    ("container exercise", r"\bcontainer\b"),
    ("exposure", r"\bexposure (?:with|exercises?|sessions?|list|steps?|work|hierarchy|therapy|and)\b|\bexposures\b|\bladder\b"),
    ("checking the facts", r"\bcheck the facts\b"),
    ("review of the diary", r"\bdiary card\b|\b(?:activity|sleep|mood|food) (?:diary|log)\b"),
    ("values card sort", r"\bcard sort\b"),
    ("letter writing", r"\bwriting (?:him|her|them) a letter\b"),
    ("mindfulness", r"\bmindful\w*|\bname what comes up\b|\bsurfing it\b"),
)  # fmt: skip
PERMISSION = re.compile(
    r"\b(?:is it (?:ok|okay|all right|alright)|would it be (?:ok|okay|all right|alright)|may i|can i (?:share|tell|give)|do you mind|"
    r"would you (?:mind|like to (?:hear|know))|can we talk|could we talk|would you be willing)\b",
    re.IGNORECASE,
)
SAFETY = ("suicidal thoughts", "self-harm")
SUBJECTS = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE), is_habit) for name, words, is_habit in _SUBJECTS
)
ANY_SUBJECT = Folded(rf"\b(?:{'|'.join(words for _, words, _ in _SUBJECTS)})\b")
EXERCISES = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _EXERCISES)
# What a question about the risk to oneself was about; the first that fits names it.
ASKED_OF_RISK = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("suicide", r"\bsuicid\w*|\bkill\w* yourself\b"),
        (
            "ending their life",
            r"\b(?:end\w*|tak\w+) (?:your|their) (?:own )?life\b|\bend(?:ing)? it all\b",
        ),
        ("wanting to die", r"\b(?:want\w*|wish\w*) (?:to (?:die|be dead)|you were dead)\b|\bbetter off dead\b"),
        ("life not being worth living", r"\b(?:worth living|point in living|go on living)\b"),
    )
)
