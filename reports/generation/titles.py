"""Which topic the title of a section names."""

import re

# The first match wins; more specific names stand first.
_ALIASES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (topic, re.compile(pattern, re.IGNORECASE))
    for topic, pattern in (
        ("family_history", r"^family (?:\w+ )?history"),
        ("response", r"^progress\b"),
        ("risk", r"risk|suicid|self.?harm|safety|safeguard|homicid|danger|crisis|harm to"),
        ("vitals", r"vital|\bobs\b|blood pressure|\bbp\b|\bpulse\b|\bbmi\b|\bweight\b(?! (?:change|loss|gain))"),
        (
            "mental_status",
            (
                r"(?:mental|psychiatric|psychopathological) (?:state|status|exam\w*|findings)|\bmse\b|"
                r"appearance and behaviou?r|(?<!addictive )behaviou?r|\bobserv|"
                r"how they (?:looked|spoke)|clinical presentation"
            ),
        ),
        ("appearance", r"appearance|grooming|dress\b"),
        ("speech", r"\bspeech\b"),
        ("perception", r"percept|hallucinat|illusion|\bvoices\b"),
        ("thought", r"\bthought|thinking|delusion|beliefs"),
        ("cognition", r"cognition|cognitive (?:state|status|function)|orientation|memory|attention|concentration"),
        ("insight", r"insight|judge?ment"),
        (
            "chief_complaint",
            (
                r"chief complaint|present(?:ing)? (?:problem|complaint|concern|issue|difficult)|^cc$|main (?:concern|"
                r"complaint|issue|problem)|(?:purpose|cause) of|"
                r"reason for\b|why (?:they|the patient|now|you)|brings? (?:you|them)|brought (?:you|them)|"
                r"^problems?$|^(?:the )?problems? as|^complaint|referral (?:reason|question|information|details)"
            ),
        ),
        ("review_of_systems", r"review of systems?|systems? (?:review|enquiry|inquiry)|^ros$"),
        ("allergies", r"allerg|intoleranc|sensitivit"),
        (
            "homework",
            (
                r"homework|between.session|assignment|exercises?$|to do before|(?:practi[cs]e|try|do) at home|"
                r"home (?:practi[cs]e|task|work)|tasks? (?:for|until|before)|before (?:our|the) next"
            ),
        ),
        ("plan", r"^plan\b(?!.*(?:follow|discharge|medic))"),
        (
            "follow_up",
            (
                r"follow.?up|review (?:appointment|visit|session|interval)|next (?:session|appointment|visit|"
                r"review|meeting|contact)|review date|disposition|"
                r"discharge (?:plan|arrangement)|meet (?:next|again)|return|aftercare"
            ),
        ),
        ("goals", r"\bgoals?\b|objectives\b|\baims?\b|hopes|wishes|outcomes? (?:wanted|hoped)"),
        (
            "education",
            r"education|counsel(?!l?ing (?:history|sessions?))|advice|instructions|information given|leaflet|explained",
        ),
        (
            "plan_medications",
            (
                r"prescriptions? (?:issued|given|written|today)|(?:new|today's) prescri|(?:medication|pharmac\w+|"
                r"drug) (?:plan|changes?)|changes? to medic|(?:new|planned) medic"
            ),
        ),
        (
            "medications",
            (
                r"medication|medicine|\bmeds\b|drugs?\b(?! (?:use|misuse|history of|and alcohol))(?<!and drugs)|"
                r"side effects|adherence|compliance|prescri|^dh$|^rx$|tablets|pills|pharmac"
            ),
        ),
        (
            "substance_use",
            r"substance|alcohol|drug (?:use|misuse)|smok|tobacco|nicotine|drinking|addict|and drugs|cannabis|caffeine",
        ),
        (
            "family_history",
            (
                r"family (?:\w+ ){0,2}(?:histor|illness)|(?:illness|conditions?|health|disorders?) in the family|"
                r"genogram|^fh$|hereditary|relatives' (?:health|illness)"
            ),
        ),
        (
            "past_history",
            (
                r"(?:past|medical|surgical|psychiatric|developmental|birth|trauma|treatment|abuse|counsell?ing|"
                r"forensic|"
                r"obstetric|health).*histor|"
                r"pmh|background|comorbid|primary medical|medical (?:conditions?|problems?)|"
                r"other active problem|childhood|^history$|"
                r"(?:previous|past|earlier|prior) (?:\w+ )?(?:treatment|episodes?|admissions?|"
                r"hospitali[sz]ations?|illness|therapy|diagnos|care|contact)|"
                r"early life|(?:long.term|chronic|existing) (?:conditions?|illness)|operations"
            ),
        ),
        (
            "social",
            (
                r"social|occupation|living|relationship|personal history|employment|lifestyle|"
                r"stressors|family situation|support|marital|partner|children|daily (?:life|routine|living)|routines|"
                r"home (?:life|situation|circumstances)|(?<!lab )(?<!blood )(?<!clinical )\bwork\b(?! on|ed)|"
                r"school|housing|"
                r"financ|education and|family (?:life|and)|culture|spiritual|religio|hobbies|interests|military|legal"
            ),
        ),
        ("sleep_appetite", r"sleep|appetite|eating|nutrition|diet\b"),
        ("mood", r"\bmood\b|emotional|affect\b|feelings"),
        (
            "results",
            (
                r"investigation|result|\blabs?\b|laboratory|imaging|scales?\b|scores?\b|phq|gad|measures|"
                r"assessment tools?|tests?\b|questionnaire|x-?rays?|bloods|outcome rating|screening"
            ),
        ),
        ("exam", r"exam|objective|physical|findings"),
        ("response", r"^(?:\w+ )?(?:response|reaction)s? to\b"),
        (
            "interventions",
            (
                r"intervention|technique|therapy activities|modalit|session content|treatment provided|what (?:i|"
                r"we) (?:did|worked)|coping|skills|worked on|work done|methods?\b|strategies|approach|procedure"
            ),
        ),
        (
            "response",
            r"response|progress|engagement|evaluation|reaction|alliance|how the session went|feedback|motivation",
        ),
        (
            "assessment",
            (
                r"assessment|impression|diagnos|formulation|analysis|differential|clinical summary|opinion|"
                r"conceptuali[sz]ation|conclusion|problem list|reasoning|hypothes"
            ),
        ),
        (
            "plan",
            (
                r"plan|treatment|management|recommend|next steps|referral|actions?|orders?|what happens next|"
                r"way forward|agreed"
            ),
        ),
        (
            "history",
            (
                r"histor(?:y|ies) of (?:the )?present|\bhpi\b|\bhopc\b|subjective|current (?:history|symptom|"
                r"status|situation|"
                r"concern|difficult)|"
                r"symptom|interval|narrative|since (?:the )?last|since we|happened|"
                r"clinical history|presenting history|client report|story|told me|\bdata\b|description|"
                r"concerns|content|summary|notes?$|account|statement|developments|own words|says|said|course|complaints|themes|topics|"
                r"discussed|\bevents\b|(?:this|the|past|last) week"
            ),
        ),
    )
)


def topic_for_title(title: str) -> str | None:
    """Return the topic a title names, or None when it names none we know."""
    plain = title.replace("_", " ").strip()
    for topic, pattern in _ALIASES:
        if pattern.search(plain):
            return topic
    return None
