"""Names a note of a counselling session uses for reasons, barriers, feelings and what was asked about, with what is said for each."""

import re

from .folded import Folded

_REASONS: tuple[tuple[str, str], ...] = (
    (
        "health",
        r"health\w*|doctors?|sick|ill(?:ness)?|lungs?|heart|cancer|cough\w*|breath\w*|stroke|diabet\w+|weight|dying|die",
    ),
    (
        "family",
        r"wife|husband|kids?|child(?:ren)?|son|daughter|mother|mom|mum|father|dad|famil(?:y|ies)|baby|brother|sister|parents?",
    ),
    ("work", r"work\w*|job|boss|career|shifts?"),
    ("finances", r"money|afford|expensive|costs?|debts?|bills?|savings?"),
    ("legal consequences", r"court|jail|prison|probation|licen[cs]e|judge|charges?"),
    ("wellbeing", r"energy|mood|sleep|stress|happy|happier|feel better|patience"),
    ("relationships", r"friends?|girlfriend|boyfriend|relationship|marriage|partner"),
    ("school", r"school|grades?|class(?:es)?|trip|exams?"),
)
# What makes a change hard, by the words of whoever names it.
_BARRIERS: tuple[tuple[str, str], ...] = (
    (
        "stress",
        r"stress\w*|pressure|tense|wind down|unwind|relax\w*|calm\w*|switch(?:es)? (?:my head |it )?off|anxi\w+|nerves|nervous",
    ),
    ("enjoyment", r"(?:i|we) (?:just |really |do |also )?(?:like|love|enjoy)\b|enjoy\w*|fun|reward|treat|tastes?"),
    (
        "other people who do the same",
        (
            r"(?:friends?|mates?|everybody|everyone|people|they|he|she)(?: all| are| were| still)* (?:smok\w+|drink\w*|us(?:e|es|ing)|"
            r"do(?:es)? it)"
        ),
    ),
    ("lack of time", r"(?:no|not|never|n't have|enough|the) time|busy|too much work"),
    ("cost", r"expensive|cannot afford|can't afford|costs? (?:a lot|too)|no money"),
    ("cravings", r"craving\w*|urges?|withdrawal|addict\w*|hooked"),
    (
        "earlier attempts that did not last",
        r"tried (?:before|to|it|everything)|started (?:up )?again|went back|did ?n[o']t (?:work|last)|relaps\w+|gained it back",
    ),
    ("fear", r"scar(?:ed|y|es)|afraid|frighten\w*|terrif\w+"),
    ("tiredness", r"tired|exhausted|no energy|worn out"),
    ("habit", r"habits?|routine|used to it|always (?:have|did|do)"),
    ("pain", r"pain\w*|hurts?|sore"),
    (
        "low confidence",
        r"(?:not|n't) (?:think|know if|believe|sure(?: if)?|confident)(?: that)? (?:i|we) (?:can|could|will)|never be able",
    ),
)
# Feelings by the name a note gives them, each with the words people have for it.
_FEELINGS: tuple[tuple[str, str], ...] = (
    ("guilt", r"guilty|guilt|blame myself|my fault"),
    ("shame", r"ashamed|shame|embarrass(?:ed|ing)|humiliat(?:ed|ing)|disgust(?:ed|ing)|failure"),
    ("anger", r"angry|anger|mad|furious|pissed(?: off)?|resent(?:ful)?"),
    ("frustration", r"frustrat(?:ed|ing|ion)|annoy(?:ed|ing)|fed up|irritat(?:ed|ing)|sick of|tired of"),
    (
        "sadness",
        r"sad|sadness|depressed|(?:feel|felt|feeling) (?:\w+ )?(?:down|low)|miserable|heartbroken|cry|cried|crying|unhappy",
    ),
    ("fear", r"scared|scares me|afraid|frighten(?:ed|s me)|terrif(?:ied|ies me)|fear"),
    ("worry", r"worried|worry|worries me|nervous|anxious|concerned|anxiety"),
    ("stress", r"stressed(?: out)?|stress|stressful|under pressure|overwhelm(?:ed|ing)|overwhelms me"),
    ("loneliness", r"lonely|alone|isolated"),
    ("hopelessness", r"hopeless(?! (?:in|at|with))|pointless|no point|worthless|useless"),
    ("numbness", r"numb|empty|nothing anymore"),
    ("disappointment", r"disappointed|let down|disappointing|disappointment"),
    ("hurt", r"hurt|betrayed|rejected"),
    ("tiredness", r"exhausted|worn out|drained|tired"),
    ("pride", r"proud|pleased with myself"),
    ("relief", r"relieved|relief"),
    ("hope", r"hopeful|excited|looking forward|optimistic"),
)
# What a clinician's questions were about, each with the words that ask for it.
_ASKED_ABOUT: tuple[tuple[str, str], ...] = (
    (
        "perceived benefits",
        (
            r"what (?:do|did|does) (?:you|it) (?:like|enjoy|love|get|give|do for)\b|\bgood (?:things?|sides?|parts?) (?:about|of)|"
            r"\b(?:pros|benefits?|upside)\b"
        ),
    ),
    (
        "perceived downsides",
        (
            r"\b(?:less|not so|not as|other) good\b|\bdown ?sides?\b|\bbad (?:things?|sides?|parts?)\b|\bcons\b|\blike (?:it )?less\b|"
            r"\b(?:do not|don't) (?:you )?like about\b"
        ),
    ),
    (
        "concerns",
        r"\bconcern(?:s|ed|ing)?\b|\bworr(?:y|ies|ied) (?:you|about)\b|\bwhat worries\b|\bproblems? (?:has|have|does|is|with)\b",
    ),
    (
        "reasons for change",
        (
            r"\bwhy (?:not a|a|an|would|might|do|did|is it|are you)\b|\breasons?\b|\bwhat makes (?:it|that|you|this) (?:a|an|so|want|say|"
            r"think|important|choose|\d)|\b(?:and )?not (?:a )?(?:lower|zero|1|2|3|4|one|two|three|four)\b"
        ),
    ),
    (
        "earlier attempts to change",
        (
            r"\b(?:ever|have you) (?:tried|thought about (?:quitting|stopping|cutting))\b|\btried (?:to|before|anything|in the past)\b|"
            r"\b(?:stopped|quit|cut down) before\b|\bworked (?:for you )?(?:in the past|before)\b|\blast time you (?:quit|stopped|tried)\b"
        ),
    ),
    (
        "barriers",
        (
            r"\bget(?:s|ting)? in (?:the|your) way\b|\bmake(?:s)? it (?:so )?(?:hard|difficult|tough)\b|\bobstacles?\b|\bbarriers?\b|"
            r"\bstop(?:s|ping)? you\b|\bhard(?:est)? (?:part|thing|for you|about)\b|\bkeep(?:s|ing)? you from\b"
        ),
    ),
    (
        "triggers",
        (
            r"\btrigger\w*\b|\btempt\w*\b|\bwhat (?:sets|was happening|happened) (?:it off|just before|right before|before)\b|"
            r"\bwhen (?:do|are) you (?:most|more|usually|likely)\b"
        ),
    ),
    ("confidence", r"\bhow (?:confident|sure)\b|\bmore confident\b"),
    ("readiness", r"\bhow (?:ready|willing|motivated)\b"),
    (
        "hopes for the future",
        (
            r"\b(?:in|from now) (?:five|ten|a few|\d+) (?:years|months)\b|\byears from now\b|\b(?:picture|imagine|see yourself)\b|"
            r"\bwould (?:be|look) (?:like|different)\b|\bhow would (?:things|life|it|your)\b"
        ),
    ),
    ("values", r"\b(?:most )?important (?:to you|in your life)\b|\bmatters? (?:most )?to you\b|\byour values\b"),
    ("goals", r"\b(?:your|any|a) goals?\b|\bwant(?:ing)? to (?:achieve|accomplish|get out of|work on)\b|\bhope to\b"),
    (
        "supports",
        r"\bwho (?:could|can|else|would|in your)\b|\bsupport(?:s|ive|ing)?\b|\bhelp(?:s|ed)? you (?:with|to|stay|through)\b",
    ),
    (
        "feelings",
        r"\bhow (?:do|did|does|would|are|is) (?:you|that|it|this)(?: make you)? feel\w*\b|\bfeel(?:ing)? about\b",
    ),
    (
        "the effect on others",
        (
            r"\b(?:wife|husband|family|kids|children|friends|partner|mother|mom|mum|parents|girlfriend|boyfriend|he|she|they) (?:say|said|"
            r"think|feel|react)\b|\bhow (?:does|do|did|has) (?:it|this|that) affect"
        ),
    ),
    (
        "next steps",
        (
            r"\bnext steps?\b|\bfirst step\b|\bwhat (?:could|would|will|might|can|do|are) you (?:think you (?:will|would|might|"
            r"could) )?(?:do\b|like to do|try|start|going to do|want to do|be willing)|\bwhere (?:would|do|does|could) (?:you|that|"
            r"this) (?:like to start|want to start|start|leave)|\b(?:your|the|a) plan\b|\bhow (?:would|will|could|might) you (?:go about|"
            r"do|start|make)\b"
        ),
    ),
)
REASONS = tuple((name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for name, words in _REASONS)
BARRIERS = tuple((name, Folded(rf"\b(?:{words})\b")) for name, words in _BARRIERS)
FEELINGS = tuple((name, Folded(rf"\b(?:{words})\b")) for name, words in _FEELINGS)
ASKED_ABOUT = tuple((name, Folded(pattern)) for name, pattern in _ASKED_ABOUT)
