"""What single words do: deny, doubt, place in time, answer. Written for words as `plain_words` gives them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Answer = Literal["yes", "no", "unclear", ""]
Time = Literal["current", "past", "unknown"]

_REMEMBERED = 256  # sentences and answers whose reading is kept: one is asked about once for every place in it
_LONGEST_ANSWER = 6_000  # characters, about six minutes of talk; what is said later answers nothing any more

# Most sentences hold none of the spellings below: one look tells.
_MAY_BE_CONTRACTED = re.compile(r"['‘’`“”]|cannot|nt\b")
_SPELLINGS = (
    (re.compile(r"[‘’`]"), "'"),
    (re.compile(r"[“”]"), '"'),
    (re.compile(r"\bcan(?:'t|not)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bain't\b"), "am not"),
    (re.compile(r"(?:(?<=\w)| )n ?'t\b"), " not"),
    (re.compile(r"\b(do|did|does|have|has|had|would|could|should|was|were|are|is)nt\b"), r"\1 not"),
    (re.compile(r"\bi ?'m\b"), "i am"),
    (re.compile(r"\bi ?'ve\b"), "i have"),
    (re.compile(r"\b(you|we|they) ?'re\b"), r"\1 are"),
    (re.compile(r"\b(you|we|they) ?'ve\b"), r"\1 have"),
    (re.compile(r"\b(i|you|he|she|we|they) ?'d\b"), r"\1 would"),
    (re.compile(r"\b(he|she|it|that) ?'s\b"), r"\1 is"),
)
_NEGATOR = re.compile(
    r"\b(?:no|not|never|neither|nor|without|none|nothing|nobody|den(?:y|ies|ied|ying)|free of|hardly|far from)\b"
)
# A negation that denies nothing: "I am not only sad", "no doubt", "I can not stop drinking", "since I was not well".
_NO_DENIAL = re.compile(
    r"\bnot (?:only|just|even (?:once )?surprised|long ago|sure|certain|to mention)\b|\bno (?:doubt|wonder|idea|"
    r"matter)\b|"
    r"\b(?:can|could|will|would) not (?:\w+ )?(?:stop|help|quit|resist|get (?:it|them|this|these|that) out)\b|"
    r"\bwhy not\b|\bnothing (?:but|else matters)\b|\bnever stop(?:s|ped)?\b|"
    r"\bnot (?:eat|eating|sleep|sleeping|work|working|cope|coping|okay|ok|well|good|great|myself)\b(?! or)"
)
_CLAUSE = re.compile(
    r"[.;:!?]|\b(?:but|however|although|though|except|because|unless|until|whereas|when|since)\b|"
    r",? (?:and|so|then) (?=(?:i|you|he|she|they|we|it|my|sometimes|that|now)\b)|"
    r", (?=(?:i|he|she|they|we|it|my|just|only|sometimes|maybe|that)\b)"
)
_DENIED_AFTER = re.compile(
    r"^[\w' ]{0,30}?\b(?:(?:is|are|was|were|am|has|have|had|would|will|do|does|did) (?:definitely |really |"
    r"certainly )?"
    r"(?:not|never) (?:been )?(?:something|an? (?:issue|problem|option|thing|concern)|on my mind|in my mind|"
    r"happening|"
    r"for me|me\b|true|crossed|occurred)|never (?:crossed|occurred|happened|an? )|(?:is|are) out of the question)|"
    r"^[\w' ]{0,20},? ?(?:no|none|never|not at all|negative|denied)[.! ]*$"
)
_UNSURE = re.compile(
    r"\b(?:not sure|do not (?:really )?know|not certain|maybe|perhaps|might (?:be|have)|hard to say|i guess|"
    r"i suppose|"
    r"kidding|joking|just a joke|figure of speech|so to speak|in a way|who knows)\b"
)
_CONDITIONAL = re.compile(
    r"\b(?:if|in case|should (?:you|i) ever|unless|suppose|whenever|what if)\b (?:\w+ ){0,6}$|\bwould (?:never|"
    r"not) (?:\w+ ){0,3}even if\b"
)
_DENIED_INSIDE = re.compile(
    r"\b(?:never|not|no) (?:\w+ )?(?:dr[iau]nk|hits?|hitting|beat|slap|touch|hurt|smok|us(?:e|ing)|drugs?|alcohol|"
    r"chok|kick|"
    r"abus|forc|threaten|harm|cut)\w*"
)
_PAST = re.compile(
    r"\b(?:ago|used to|in the past|back then|back in|years? before|when (?:i|you|he|she) (?:was|were)|last (?:year|"
    r"summer|winter|spring|fall|autumn)|as an? (?:kid|child|teen\w*|boy|girl|student)|in (?:high )?school|in college|"
    r"growing up|childhood|history of|once before|at the time|since then|in (?:19|20)\d\d|previously|formerly|"
    r"no longer|not (?!want|be\b|going)(?:\w+ ){1,5}any ?more|(?:have|has|had) (?:stopped|quit)|stopped|quit|"
    r"gave up|got sober|clean for|sober for|"
    r"sober since|before (?:i|the|my|that)|the last time (?:i|you))\b"
)
_CURRENT = re.compile(
    r"\b(?:now|currently|today|tonight|these days|lately|recently|at the moment|this (?:week|month|morning)|still|"
    r"every (?:day|night|week|weekend|evening|morning)|past (?:few|couple|two|three) (?:days|weeks)|last (?:night|"
    r"week|"
    r"few (?:days|weeks))|yesterday|all the time|most (?:days|nights)|daily|keep(?:s)?|again|since (?:we|i) last|"
    r"sometimes|often|usually|when(?:ever)? i (?:get|feel|am)|(?:have|has) (?:you |he |she |they )?(?:\w+ly )?been)\b"
)
_WISHED = re.compile(r"\bwish (?:i|you|he|she|they) (?:was|were|had)\b")
_PAST_TENSE = re.compile(
    r"\b(?:was|were) an? |\b(?:i|you|he|she|they|we) (?:\w+ly |just |even |once )?(?:was|were|had|tried|attempted|"
    r"did|overdosed|drank|smoked|"
    r"took|thought|wanted|felt|got|went|used|burned|swallowed|ended up|threw|punched|wished)\b"
)
_PRESENT_TENSE = re.compile(
    r"\b(?:i|you|he|she|they|we) (?:\w+ly |just |do |do not |would |can not )?(?:am|is|are|want|wants|feel|feels|"
    r"think|"
    r"thinks|wish|wishes|drink|drinks|smoke|smokes|use|uses|have|has|hear|hears|need|cut|cuts|vape|hate|like|take|"
    r"stop|"
    r"bang|hit|hurt)\b|\b(?:any|are you|do you|there is|life is|would rather|(?:have|has) not|will not|"
    r"hits|cuts|drinks|smokes|beats|burns|hurts|uses|wants)\b"
)
_PARTICLE = re.compile(
    r"^(?:(?:oh|well|um|uh|hmm|god|gosh|okay|ok|yeah|yes|so|and|honestly|look|right)\b[ ,.!-]*)+(?=\w)|"
    r"^(?:(?:no|nope|nah|never)(?: ?[,.!-]+ ?| (?=(?:i|not|never|no|nothing|none|of course|absolutely|"
    r"definitely)\b)))+"
)
_NO = re.compile(
    r"^(?:no|nope|nah|never|none|negative|not (?:really|at all|ever|once|that i|for|in|recently|lately|now|any ?more|"
    r"today|currently|these days|this|since|me|so far|yet|at the moment)|(?:absolutely|definitely|certainly|"
    r"of course|"
    r"god|hell) (?:no|not)|nothing|i (?:do|did|have|had|am|was|would|could|can|will) (?:not|never)|i never|"
    r"they (?:do|did) not|it (?:does|did|is|has) not|(?:that|it) has never|denies|"
    r"(?:he|she|they|we) (?:do|does|did|has|have|is|are|was|were|will|would) (?:not|never))\b"
)
_YES = re.compile(
    r"^(?:yes|yeah|yep|yup|yea|i (?:do|did|have|am|was|feel|think about|think of|hear|see|drink|smoke|"
    r"use)\b(?! (?:not|never))|"
    r"(?:he|she|they) (?:do|does|did|has|have|is|are|was)\b(?! (?:not|never))|sometimes|occasionally|"
    r"(?:a )?(?:little|bit|few|couple)|a bit|now and (?:then|again)|once|often|a lot|"
    r"every|all the time|most (?:days|nights|of)|unfortunately|definitely|absolutely|"
    r"of course|sure|"
    r"kind of|sort of|from time to time|on and off|it comes and goes|it does|they do|that (?:is|has) (?:right|true|"
    r"been)|"
    r"correct|right(?=[.,!]|$)|exactly|mm-?hmm|mhm|uh-huh)\b"
)
_WAVERING = re.compile(
    r"^(?:maybe|perhaps|possibly|i (?:guess|suppose|do not know|am not sure|would rather not)|not sure|hard to say|"
    r"(?:it )?depends|yes and no|no and yes|why|who|what|pass|can we|that is (?:private|personal)|i would rather not|"
    r"next question|does it matter|define)\b"
)
_SARCASM = re.compile(
    r"\b(?:yeah,? right|oh,? sure|very funny|ha(?:,? ?ha)+|just kidding|kidding|joking|what do you think|"
    r"obviously not|"
    r"as if|good one|because (?:that|it) would help|who doesn't|who does not|living the dream|take a guess)\b|"
    r"[\[(](?:laughs?|laughing|sarcastic\w*|scoffs?|snorts?)[\])]"
)
_TAKEN_BACK = re.compile(
    r"\b(?:but|although|though|except|just|only|well|however)\b[^.]*\b(?:sometimes|thought|thoughts?|think|thinking|"
    r"feel|"
    r"felt|wish|maybe|it|that|them|those|there|i (?:have|do|did|would|might|could)|once|used to|a (?:little|bit)|"
    r"occasionally|when i)\b|\b(?:sometimes|occasionally|once in a while|now and then|maybe|i mean|well, (?:yes|"
    r"yeah)|"
    r"actually (?:yes|yeah)|only when|once or twice|a (?:little|bit)|i guess|not (?:every day|all the time|often|"
    r"much|"
    r"that (?:much|often)|too (?:much|often)))\b"
)
_FORMERLY = re.compile(
    r"\bnot (?:any ?more|now|lately|recently|at the moment|today|these days|this (?:week|month|time)|since|"
    r"currently)\b|"
    r"\bused to\b|\bno longer\b|\byears ago\b|\bin the past\b"
)


def plain_words(text: str) -> str:
    """Return a text in small letters with its contractions written out, so that one pattern finds every spelling."""
    return _written_out(" ".join(text.lower().split()))


def plain_lines(texts: Iterable[str]) -> list[str]:
    """Return the plain words of each text: one pass over all with contractions is quicker than one over each."""
    lines = [" ".join(text.lower().split()) for text in texts]
    places = [place for place, line in enumerate(lines) if _MAY_BE_CONTRACTED.search(line)]
    written = _written_out("\n".join(lines[place] for place in places)).split("\n")
    for place, line in zip(places, written, strict=bool(places)):
        lines[place] = line
    return lines


def _written_out(plain: str) -> str:
    if not _MAY_BE_CONTRACTED.search(plain):
        return plain
    for pattern, replacement in _SPELLINGS:
        plain = pattern.sub(replacement, plain)
    return plain


def denial_of(plain: str, match: re.Match[str]) -> tuple[bool, bool]:
    """Return whether what the match names is denied in its clause, and whether that can be read both ways."""
    before = _PARTICLE.sub("", plain[: match.start()])
    clause = _CLAUSE.split(before)[-1]
    after = plain[match.end() :]
    unsure = _is_doubtful(plain) or bool(_CONDITIONAL.search(before))
    clause = _NO_DENIAL.sub(" ", clause)
    negators = [word for word in _NEGATOR.findall(clause) if word not in ("nor", "neither")]
    has_pair = bool(re.search(r"\b(?:nor|neither)\b", clause))
    if len(negators) > 1 and not _is_list(clause):
        return False, True
    denied = bool(negators) or has_pair or bool(_DENIED_INSIDE.search(match.group(0)))
    if not denied and _DENIED_AFTER.search(after):
        denied = True
    return denied, unsure


# Asked for every place in a sentence that names a thing: a sentence that names it a hundred times is looked at once.
@lru_cache(maxsize=_REMEMBERED)
def _is_doubtful(plain: str) -> bool:
    return bool(_UNSURE.search(plain) or _SARCASM.search(plain))


@lru_cache(maxsize=_REMEMBERED)
def read_answer(text: str) -> tuple[Answer, bool]:
    """Return what an answer says, and whether it says `not any more`. Doubt, irony and taking back are unclear."""
    plain = plain_words(text[:_LONGEST_ANSWER]).strip(' "')
    if not plain:
        return "", False
    if _SARCASM.search(plain):
        return "unclear", False
    said_yes_first = bool(re.match(r"^(?:yeah|yes|yep),? (?:no|nope|not)\b", plain))
    opener = re.sub(r"^(?:(?:oh|well|um+|uh+|hmm+|god|gosh|okay|ok|honestly|look|so|and|i mean)\b[ ,.!-]*)+", "", plain)
    if _WAVERING.match(opener):
        return "unclear", False
    if said_yes_first:
        rest = re.sub(r"^(?:yeah|yes|yep)[ ,.]+", "", opener)
        return (
            "no" if re.search(r"\b(?:not|never|nothing)\b", rest) and not _TAKEN_BACK.search(rest) else "unclear"
        ), False
    if _NO.match(opener) or re.match(r"^i (?:do|would) not (?:think|say|believe) so\b", opener):
        rest = _NO.sub("", opener, count=1)
        if re.match(r"^\W*(?:yes|yeah)\b", rest) or _TAKEN_BACK.search(rest):
            return "unclear", False
        return "no", bool(_FORMERLY.search(opener))
    if _YES.match(opener):
        if re.search(r"\b(?:fine|good|okay|all right|alright)\b", opener[:24]) and re.match(
            r"^(?:i am|i feel)\b", opener
        ):
            return "", False
        return "yes", False
    if re.search(r"\b(?:i (?:do|did|have|am|would) not|i (?:have )?never|nothing like that|not at all)\b", opener[:60]):
        return ("unclear" if _TAKEN_BACK.search(opener) else "no"), bool(_FORMERLY.search(opener))
    return "", False


@lru_cache(maxsize=_REMEMBERED)
def time_of(plain: str) -> Time:
    """Return when it is, was: as the words say it, else as their tense does."""
    plain = _WISHED.sub("wish", plain[:_LONGEST_ANSWER])
    if _PAST.search(plain) and not re.search(r"\b(?:still|right now|again)\b", plain):
        return "past"
    if _CURRENT.search(plain):
        return "current"
    if re.search(r"\bever\b", plain):
        return "unknown"
    if _PAST_TENSE.search(plain):
        return "past"
    return "current" if _PRESENT_TENSE.search(plain) else "unknown"


def _is_list(clause: str) -> bool:
    """Tell whether several negations are one list: `no plan, no intent and no thoughts`."""
    return bool(re.search(r"\bno [\w ]+(?:,| or| and) (?:and |or )?no\b|\bnot [\w ]+ or [\w ]*$", clause))
