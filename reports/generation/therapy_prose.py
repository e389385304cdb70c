"""Talk of a counselling session as prose: what speech leaves behind is taken out, and only what stands by itself is let in."""

import re

from .folded import Folded
from .grammar import is_base_verb, is_past_form, third_person
from .textnorm import content_words, stem
from .words import word_list

_MOST_MARKS = 8  # in a row; the patterns below try a longer run at every of its places
_RUN_OF_MARKS = re.compile(rf"[ ,.-]{{{_MOST_MARKS},}}")
_STUTTER = re.compile(r"(?<!\w')\b(?<!\w)([\w']+(?: [\w']+)?)(?:, ?|-+ ?| -+ )\1\b", re.IGNORECASE)
# "They are they are not eating", "it is not very it is not bad": the second beginning counts.
_BEGUN_TWICE = Folded(
    r"\b((?:i|it|he|she|we|they|that|there) (?:am|is|are|was|were|have|has|had|do|did|will|would|can|could)(?: not)?)"
    r"(?: (?:very|really|just|a|the|like|kind of|so|to|going to|been))?[ ,]+(?=\1\b)",
)
# "The boat is sold, and—": the sentence ends before the word it broke off at.
_BROKEN_END = re.compile(
    r"(?<![ ,])[ ,]*+(?:\b(?:so|and|but|or|because|then|and then|if|like)\b)?[ ,]*+(?:-{2,}|[—–]|-$)[ .,]*$",
    re.IGNORECASE,
)
_TAG = re.compile(
    r", (?:do|did|am|is|are|was|were|have|has|will|can|should|would|could)(?: not|n't)? (?:i|you|it|he|she|they|we)(?: not)?(?=[.?! ]*$)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:'?cause|'?because|and then|and so|but then|and|but|so|then|or|plus|well|oh|boy|god|gosh|wow|huh|whoa|aye|eh|yeah|i mean|"
    r"you know|i do not know|i guess|i suppose|clearly|obviously)\b[ ,.]+(?!(?:if|what|how|why|where|who|when|whether|that)\b))+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"(?<![ ,.])[ ,.]*\b(?:i do not know|i guess|i suppose|you know|aye|eh|oh|and stuff|or something|or whatever|that is it|"
    r"though)(?=[.?! ]*$)",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(r", (?:man|dude|buddy|bro)(?=[.?! ]*$)", re.IGNORECASE)
_INTERJECTED = re.compile(r",? \b(?:oh|aye|eh|god|gosh|whoa)\b,? (?=\w)", re.IGNORECASE)
_LIKE_BEGUN_AGAIN = re.compile(r"\b(?:i|he|she|we|they) like,? (?=(?:i|he|she|we|they) [a-z]+)", re.IGNORECASE)
_LIKE_BEFORE = re.compile(r"\b(i|he|she|we|they|it|who) like,? (?=(\w+))", re.IGNORECASE)
# After these words "like" compares nothing.
_LIKE_AFTER = re.compile(
    r"(?<=\b)(the|a|an|these|those|this|be|being|been|am|is|are|was|were|seems?|especially|and|or|to|at|about|around|every|so|keep|start|"
    r"not|have|has|had|\w{2,}ing),? like,? "
    r"(?=(?:\w+ly|once|twice|outside|inside|not|for|in|on|at|when|if|they|will|to|healthy|\d+|\w{3,}(?:s|y|ed|ing))\b)",
    re.IGNORECASE,
)
_LIKE_BEFORE_DOING = re.compile(r"\b(me|him|her|them|us|to) like,? (?=(\w+))", re.IGNORECASE)
_LIKE_APART = re.compile(r", like,? |^like,? |\blike(?=,)|\blike (?=like\b)", re.IGNORECASE)


def plain_speech(text: str) -> str:
    """Return what was said without stutters, a filler `like`, words it begins or ends with, and an end that broke off."""
    text = _BROKEN_END.sub("", _RUN_OF_MARKS.sub(lambda match: match[0][:_MOST_MARKS], text))
    previous = None
    while previous != text:
        previous = text
        text = _ADDRESSED.sub("", _TAG.sub("", _BEGUN_TWICE.sub("", _STUTTER.sub(r"\1", text))))
        text = _TRAILING.sub("", _LEADING.sub("", text))
    text = _INTERJECTED.sub(" ", text)
    text = _LIKE_APART.sub(" ", _LIKE_BEGUN_AGAIN.sub("", text))
    text = _LIKE_BEFORE.sub(_without_like, text)
    text = _LIKE_BEFORE_DOING.sub(_without_like, text)
    return " ".join(_LIKE_AFTER.sub(r"\1 ", text).split())


_PLURALS = (
    "finances|bills|debts|kids|children|people|friends|mates|parents|nights|mornings|evenings|weekends|cravings|urges|cigarettes|tablets|"
    "pills|meetings|feelings|thoughts|drugs"
)
_DISAGREEING = re.compile(rf"^((?:(?:the|his|her|their|the client's) )?(?:{_PLURALS})) (is|was|has)\b", re.IGNORECASE)
_PLURAL_OF = {"is": "are", "was": "were", "has": "have"}
_SINGULAR_OF = {"are": "is", "were": "was", "have": "has", "do": "does"}
_THEY_ONE = re.compile(r"\bthey (is|was|has)\b", re.IGNORECASE)
_BARE_VERB = re.compile(r"^((?:the client|he|she)) ([a-z]+)\b", re.IGNORECASE)
_TWICE_NAMED = re.compile(r"^((?:the )?client and (?:the client's|their) \w+) they\b", re.IGNORECASE)


def agreeing(sentence: str) -> str:
    """Return a sentence with the verb in the number of its subject, and the subject once."""
    sentence = _TWICE_NAMED.sub(r"\1", sentence)
    sentence = _DISAGREEING.sub(lambda match: f"{match.group(1)} {_PLURAL_OF[match.group(2).lower()]}", sentence)
    sentence = _THEY_ONE.sub(lambda match: f"they {_PLURAL_OF[match.group(1).lower()]}", sentence)
    return _BARE_VERB.sub(lambda match: f"{match.group(1)} {_singular(match.group(2))}", sentence)


def _singular(verb: str) -> str:
    return _SINGULAR_OF.get(verb.lower()) or third_person(verb)


def _without_like(match: re.Match[str]) -> str:
    """Leave `like` out where a verb follows: `we like sold it`, `let me like pay`; `I like it` stays."""
    is_filler = is_past_form(match.group(2)) or (match.re is _LIKE_BEFORE_DOING and is_base_verb(match.group(2)))
    return f"{match.group(1)} " if is_filler else match.group(0)


_SUBJECT = re.compile(
    r"^(?!a (?:little|lot|bit|few|while)\b)"
    r"(?:(?:the client|client|he|she|they|we|it|every(?:one|body|thing)|nobody|no one|nothing|some(?:one|body)(?! who\b)|people|some|many|"
    r"most|both of|each|a|an|the|his|her|their|work|school|life|money|finances)\b|"
    r"(?!(?:it|as|on|in|at|if|so|or|and|but|to|for|with|not|per|something)\b)\w+"
    r"(?='s\b| (?:is|are|was|were|has|had|left|said|does|did|will|would|wants?)\b)|"
    r"\w{3,}ing (?:[\w']+ ){0,5}(?:is|was|helps?|makes?|keeps?|hurts?)\b)",
    re.IGNORECASE,
)
_ADVERBIAL = re.compile(
    r"^(?:usually|sometimes|normally|now|today|lately|recently|yesterday|at night|at first|some days|most days|last \w+|this \w+|"
    r"every \w+|in (?:the )?\w+|on \w+|at the \w+|mostly|most of the time|most (?:days|nights|mornings|evenings|weeks|weekends)|"
    r"one (?:time|day|night)|the other (?:day|night|week|morning|evening)|"
    r"all of a sudden|as far as \w+ \w+|over the (?:last|past) \w+ \w+|later|eventually|then|after \w+ \w+|before|back then|"
    r"these days|right now|since then|as a \w+|once|"
    r"for (?:\w+ ){0,3}(?:days|weeks|months|years|hours|minutes|while|time|month|week|year|day)|(?:\d+|a few|two|three) \w+ ago),? ",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(
    r"^(?:when|whenever|if|since|after|before|because|while|even though|even if|even when|although|until|as soon as|especially when|"
    r"ever since)\b[^,]+, (?P<main>.+)$",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"^(?:it is (?:not )?(?:like|just|because|that)|it(?! (?:gets?|helps?|hurts?|makes?|keeps?|started|stopped|costs?|scares?|"
    r"is (?:worse|better|harder|easier))\b)|that|this|those|these|there|which|what|one of|a big|another thing|the thing|the clinician|"
    r"the rest of|the (?:second|other|first|big|only) (?:ones?|times?|things?))\b",
    re.IGNORECASE,
)
# Two beginnings of a sentence run into each other: "wants to be they need".
_RUN_TOGETHER = re.compile(
    r"\b(?:to|be|is|are|was|were|has|have|had|a|an|the|of|with|my|their|his|her|and|or|very|also) "
    r"(?<!and )(?:they|he|she|it|we|the client) (?:is|are|was|were|has|have|had|do|does|did|will|would|wants?|needs?|feels?|thinks?)\b|"
    r"\b(?:client|he|she|they) (?:has|have|is|are|was|were|likes?|wants?|needs?) (?:they|he|she|it|the client|we) \w+|"
    r"\b(?:client|he|she|they) (?:they|he|she) \w+|\bthat that\b|\band but\b|\bthinks? (?:is|are|was|were)\b|\bsay (?:an? )?\d|"
    r"\bwhat (?:the|a) \w+(?: \w+)?\.?$|"
    r"^the \w+ thing (?:the client|he|she|they)\b|"
    r"\b(?:does|do|did) not (?!miss|discuss|pass|guess|stress|press|dress|focus|process|cross|express|address|always)\w+s\b|"
    # "Their sister, she works nights": the subject is named twice.
    r"^(?:the|his|her|their|one|client's)\b(?:(?! (?:is|has|was|are|had|were|\w+ed|\w+s)\b)[^,]){2,40}, (?:it|he|she|they|that) |"
    r"\b(?:is|are|was|were) (?:feels|thinks|wants|needs|says|gets|goes|makes|has)\b|"
    r"\b(?:do|does|did) (?:he|she|they|the client)\b|"
    r"^(?:the client|client|he|she) both\b|\bsaid, (?:he|she|they)\b|\b(?:thinks|reports|says)(?: that they are)? (?:when|if|what|going)\b|"
    r"^(?:the )?client reports (?:a (?:little|lot|bit|while)|some|maybe|about|more or less)\b|"
    r", (?:get|go|do|cut|take|make|keep|put|try)\b(?! ?to\b)|\bto it is\b|\bit get,|\bit the client\b|"
    r"\bthem? (?:are|is|was|were) (?:they|he|she)\b|\b(?:friends?|mates?|wife|husband) (?:they|he|she) (?!(?:\w+ )?(?:with|from|to)\b)\w+",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"--|[—–…]|\b\w{1,2}-(?:she|he|they|it|i|we|the)\b|\.\.|\b(\w+)-\1\b|\b(?:oh|aye|eh|whoa|huh|wow|god(?!'s)|boy|shut up|"
    r"let her|let him)\b|"
    r"\b(?:am|is|are|was|were|be|goes|go|going) like\b(?! (?:a|an|the|that|this|he|she|they|it|somebody|someone|my|his|her|their)\b)|"
    r"\blike (?:if|will|okay|not|for|when)\b|\bfor the for\b|[\"”“]|\bas in\b|\bgets? it, |"
    r"\b(?:do|did|does|have|has|are|is|am|was|were) (?:the client|they|he|she)\.?$|\bsays? that\.?$|, it is,|\bit it\b|\bhim him\b",
    re.IGNORECASE,
)
_HOLLOW = frozenset(
    stem(word)
    for word in word_list(
        "client patient therapist know sure think say said report tell thing something anything everything stuff okay ok like lot "
        "little bit guess mean good fine right maybe yes yeah even really real well much way kind sort go goe get got see true "
        "serious great exactly understand feel make want now here talk about it's i'm don don't"
    )
)
_BEGUN_INSIDE = re.compile(r"[a-z] (?:And|But|So|Because|Oh|Or|Then|Like)\b")
_SHORTEST = 4  # words
_LONGEST = 28


def stands_alone(sentence: str) -> bool:
    """Say whether a sentence can be read by somebody who was not there: a subject of its own, one line of thought, something said."""
    count = len(sentence.split())
    if not _SHORTEST <= count <= _LONGEST or runs_together(sentence):
        return False
    if len(re.findall(r"\blikes?\b", sentence, re.IGNORECASE)) > 1 or is_hollow(sentence):
        return False
    return _has_subject(sentence)


def runs_together(sentence: str) -> bool:
    """Say whether two beginnings of a sentence run into each other, or talk is left in it that no prose has."""
    return any(pattern.search(sentence) for pattern in (_RUN_TOGETHER, _SPOKEN, _BEGUN_INSIDE))


def _has_subject(sentence: str) -> bool:
    if match := _SUBORDINATE.match(sentence):
        return _has_subject(match.group("main"))
    rest = _ADVERBIAL.sub("", sentence)
    if is_base_verb(rest.split(" ", 1)[0].strip(",.")) and not re.match(r"(?:work|school)\b", rest, re.IGNORECASE):
        return False
    return bool(_SUBJECT.match(rest)) and not points_back(rest)


def points_back(sentence: str) -> bool:
    """Say whether a sentence begins with a word for something that only the talk before it names."""
    return bool(_POINTING.match(sentence))


def is_hollow(sentence: str) -> bool:
    """Say whether a sentence tells nothing: `The client does not know`, `a little`, `sounds good`."""
    return all(word in _HOLLOW for word in content_words(sentence))


_AMOUNT = re.compile(r"\d|\b(?:once|twice|daily|weekly|every|each|half|dozen|always|never|most|all)\b", re.IGNORECASE)
_LASTING = re.compile(
    r"\b(?:since|for (?:a|an|the|\w+) (?:\w+ )?(?:days?|weeks?|months?|years?|time)|ago|until|years?|months?|weeks?|nights?|days?)\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because|so that|that is why|in order to|due to|reason|in case|afraid that|worried that)\b", re.IGNORECASE
)
_FEELING = re.compile(
    r"\b(?:feels?|felt|guilt\w*|asham\w+|angr\w+|sad|scared|afraid|worr\w+|anxi\w+|lonel\w+|tired|stress\w*|hopeless|proud|embarrass\w+|"
    r"depress\w+|upset|happy|frustrat\w+|annoy\w+|overwhelm\w+|hates?|misses|craving\w*)\b",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"\b(?:wife|husband|mother|mom|mum|father|dad|son|daughter|kids?|child(?:ren)?|sister|brother|partner|girlfriend|boyfriend|family|"
    r"friends?|mates?|boss|parents?|aunt\w*|uncle|doctor|school|job|work|court|police|probation)\b",
    re.IGNORECASE,
)
_CONSEQUENCE = re.compile(
    r"\b(?:lost|lose|caught|arrest\w*|fired|suspend\w*|sick|ill|hangover|cough\w*|pain|hospital|debts?|divorc\w+|fights?|hurts?|hurt|"
    r"stopp\w+|quit|started|relaps\w+|cannot|trouble|problems?|health|weight|sleep\w*)\b",
    re.IGNORECASE,
)
_WEIGHED = (_AMOUNT, _LASTING, _REASON, _FEELING, _PEOPLE, _CONSEQUENCE)
_EACH = 0.15
_BARE_FACTOR = 0.75


def weight_of(sentence: str) -> float:
    """Return the factor, around 1, by which the content of a sentence raises or lowers its place in the note."""
    held = sum(bool(pattern.search(sentence)) for pattern in _WEIGHED)
    return 1 + _EACH * held if held else _BARE_FACTOR


def weighed(keep: float, weight: float) -> float:
    """Return a probability, 0 to 1, raised or lowered by a weight around 1; it stays one."""
    return float(1 - (1 - min(keep, 1.0)) ** weight)
