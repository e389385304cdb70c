"""English verb forms and pronouns: first and second person speech to the third person."""

import re
from dataclasses import dataclass
from functools import cache

from .folded import Folded
from .words import word_list

_PAST = frozenset(
    word_list(
        "was had did went got felt took saw said told came made thought knew found gave left began started fell "
        "hurt put ran kept been lost woke ate drank slept tried noticed stopped used ended turned cut hit read "
        "let broke met sat stood lay quit spent sent bought caught brought heard drove rode wore threw swam grew "
        "blew stuck bent built meant dealt won paid laid shook spoke stole bit bled fed fought froze forgot hid "
        "held hung led lent rang rose sang sank sold shot slid spun swore swept swelled tore understood wrote "
        "became overslept taught sought chose crept dreamt leapt learnt burnt dug fled forgave wept withdrew"
    )
)
_UNCHANGED = frozenset(
    word_list(
        "am is are was were have has had do does did will would can could should may might must cannot not never "
        "also usually always still sometimes only already and or but if when because that who which ever even "
        "just either neither both all guess mostly often rarely generally typically probably definitely normally "
        "occasionally recently currently actually almost barely hardly constantly frequently simply gradually "
        "suddenly finally eventually then now too so to"
    )
)
_BASE = frozenset(
    word_list(
        "abuse accept ache achieve acknowledge act add address admit adjust advise afford agree allow answer "
        "apologize appear appreciate approach argue arrange arrive ask assume attend avoid beat become begin "
        "believe belong bend bite blame bleed blow bother break breathe bring brush build burn buy call care "
        "carry catch cause celebrate change check choke choose clean clear climb close come comfort compare "
        "complain complete concentrate confide confuse connect consider contact contain continue control cook "
        "cope cough count cover crave crawl create criticize cry cut cycle dance deal decide decline decrease "
        "define deny depend describe deserve destroy develop die diet disagree disappear dislike distract "
        "distrust doubt drag dread dream dress drink drive drop dwell eat embarrass encourage end endorse enjoy "
        "enter escape exercise exist expect experience explain express face fail fall fear feel fidget fight fill "
        "find finish fix fly focus follow force forget forgive freak freeze function gain get give go grieve grow "
        "guess handle hang happen harm hate have hear help hesitate hide hit hold hope hurt ignore imagine "
        "improve increase influence injure intend interrupt isolate itch join judge jump keep kick kill know lack "
        "last laugh lay lead lean learn leave let lie lift like limit listen live look lose love make manage "
        "matter mean measure meet mention mind miss monitor mope move need neglect notice obsess occur offer open "
        "order overeat overreact oversleep overthink owe own pace panic pass pause pay pee pick picture plan play "
        "pray prefer prepare presume pretend prevent procrastinate promise protect provide pull punch punish push "
        "put question quit rate reach react read realize recall receive recognize recommend recover reduce refuse "
        "regret relate relapse relax rely remember remind repeat replay report require resent resist respect "
        "respond rest restrict return ride rise roll ruminate run rush save say scare schedule scream scrape "
        "scratch see seem sell send sense sew shake share shop shout show shower shut sing sit skip sleep slip "
        "smell smile smoke snap sneeze snore socialize solve sound speak spend spiral spit stand stare start stay "
        "steal stick stop stress stretch struggle study stumble succeed suck suffer suggest support suppose "
        "swallow swear sweat swim switch take talk taste teach tell tend think throw tire tolerate toss touch "
        "train travel treat tremble trip trust try turn understand urinate use vape visit vomit wait wake walk "
        "want wash waste watch wear weigh wish withdraw wonder work worry write yell zone"
    )
)
# After "and" these are as often nouns ("pain and work"), so the agreement rule leaves them alone.
_ALSO_NOUNS = frozenset(
    word_list(
        "abuse ache act answer call care cause change check control cough cover cry cut deal dread dream dress "
        "drink drive drop end exercise experience face fall fear fight focus function guess harm hate help hope "
        "hurt itch lack last laugh lead like limit love mind need order panic pass pause pay plan play question "
        "rate regret rest return ride roll run rush scratch sense shake share shop show shower sleep slip smell "
        "smile smoke sound start stay stick stop stress struggle study support sweat swim switch talk taste trip "
        "trust turn use visit vomit wait walk want wash waste watch wish work worry"
    )
)
_ADVERBS = (
    r"(?:(?:also|usually|always|still|sometimes|only|already|never|ever|even|just|mostly|often|rarely|"
    r"generally|typically|probably|"
    r"definitely|normally|occasionally|recently|currently|almost|barely|hardly|constantly|frequently|"
    r"simply|eventually|kind of|"
    r"sort of|then|now) )*"
)


@dataclass(frozen=True, slots=True)
class Person:
    """The words a report uses for somebody."""

    subject: str
    object: str
    possessive: str
    reflexive: str
    is_noun: bool = False  # a noun at first, `they` afterwards


_PERSONS = {
    "male": Person("he", "him", "his", "himself"),
    "female": Person("she", "her", "her", "herself"),
}
UNNAMED = Person("the patient", "them", "their", "themself", is_noun=True)

CLIENT = Person("the client", "them", "their", "themself", is_noun=True)
COMPANION = Person("the accompanying person", "the accompanying person", "the accompanying person's", "themself")


def person_for(gender: str) -> Person:
    """Return the pronouns of a gender as recorded; anything else is `the patient`."""
    return _PERSONS.get(gender.strip().lower(), UNNAMED)


def third_person(verb: str) -> str:
    """Return the third person singular of a present verb; other words come back as they are."""
    lowered = verb.lower()
    if (
        lowered in _PAST
        or lowered in _UNCHANGED
        or lowered not in _BASE
        or (lowered.endswith("ed") and lowered != "need")
    ):
        return verb
    if lowered.endswith(("ss", "sh", "ch", "x", "o", "z")):
        return f"{verb}es"
    if lowered.endswith("y") and lowered[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


def is_base_verb(word: str) -> bool:
    return word.lower() in _BASE


def is_past_form(word: str) -> bool:
    return word.lower() in _PAST or bool(re.fullmatch(r"\w{2,}ed", word, re.IGNORECASE))


_A_BIT = re.compile(r"\b(?:a|little) bit\b")
_VERB_LIKE = re.compile(r"[a-z']+")


def has_verb(text: str) -> bool:
    """Say whether a text has a word that can be its finite verb."""
    for word in _VERB_LIKE.findall(_A_BIT.sub(" ", text.lower())):
        if word in _PAST or word in _FINITE or (len(word) > 3 and word.endswith("ed") and "'" not in word):
            return True
        if word.endswith("s") and (word[:-1] in _BASE or word[:-2] in _BASE or f"{word[:-3]}y" in _BASE):
            return True
    return False


_FINITE = frozenset(
    word_list(
        "am is are was were has have had does do did will would can could should may might must cannot denies reports presents"
    )
)


def _let_verbs_agree(text: str, subject: str) -> str:
    """Let a second verb follow its subject: `he goes home and lie down` becomes `he goes home and lies down`."""

    def follow(match: re.Match[str]) -> str:
        verb = match.group("verb")
        if not is_base_verb(verb) or verb.lower() in _ALSO_NOUNS:
            return match.group(0)
        return match.group("before") + third_person(verb)

    lowered = text.lower()
    return _second_verb(subject).sub(follow, text) if " and " in lowered or " but " in lowered else text


@cache
def _second_verb(subject: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<before>\b{re.escape(subject)} {_ADVERBS}(?!is |was |has |does )\w+s\b(?! to\b)"
        r"(?: (?!and\b|or\b|to\b|not\b|will\b|would\b|can\b)[\w'-]+){0,6},? (?:and then|and|but) )(?P<verb>\w+)\b",
        re.IGNORECASE,
    )


_SINGULAR = {"am": "is", "are": "is", "were": "was", "have": "has", "do": "does"}
_PLURAL = {"am": "are", "was": "were", "has": "have", "does": "do"}


class _Subject:
    """Writes a person as subject with the right verb: the first time by name, later in the sentence `they` where no pronoun is known."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.is_named = False

    def told(self, adverbs: str, verb: str) -> str:
        lowered = verb.lower()
        if self.is_named and self.person.is_noun:
            return f"they {adverbs}{_PLURAL.get(lowered, verb)}".rstrip()
        self.is_named = True
        return f"{self.person.subject} {adverbs}{_SINGULAR.get(lowered) or third_person(verb)}".rstrip()

    def asked(self, verb: str) -> str:
        if self.is_named and self.person.is_noun:
            return f"{_PLURAL.get(verb.lower(), verb)} they"
        self.is_named = True
        return f"{_SINGULAR.get(verb.lower(), verb)} {self.person.subject}"


_I = re.compile(
    rf"\b(?P<aux>am|was|do|have|did|can|should|would|will) i\b(?! (?:am|was|have|do)\b)"
    rf"|\bi (?P<adverbs>{_ADVERBS})(?P<verb>[a-z]+)\b|\bi\b(?!\.)",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i(?!\.)|my|mine|me|myself)\b", re.IGNORECASE)
_YOU_SAID = re.compile(
    r"\byou (said|told|gave|prescribed|put|started|mentioned|asked|wanted|recommended|suggested|showed|taught|sent)\b",
    re.IGNORECASE,
)


def patient_to_third(text: str, person: Person) -> str:
    """Return a speaker's own words told about them: `I can't sleep` becomes `she cannot sleep`."""
    subject = _Subject(person)
    if person.is_noun and (first := _FIRST_PERSON.search(text)) and first.group(0).lower() in ("my", "me"):
        named = f"{person.subject}'s" if first.group(0).lower() == "my" else person.subject
        text = f"{text[: first.start()]}{named}{text[first.end() :]}"
        subject.is_named = True
    text = _I.sub(
        lambda match: (
            subject.asked(match.group("aux"))
            if match.group("aux")
            else subject.told(match.group("adverbs") or "", match.group("verb") or "")
        ),
        text,
    )
    lowered = text.lower()
    for pattern, word in (
        ("myself", person.reflexive),
        ("my", person.possessive if subject.is_named or not person.is_noun else f"{person.subject}'s"),
        ("mine", person.possessive if person.possessive != "her" else "hers"),
        ("me", person.object if subject.is_named or not person.is_noun else person.subject),
        ("we", "they"),
        ("our", "their"),
        ("ours", "theirs"),
        ("us", "them"),
        ("ourselves", "themselves"),
    ):
        if pattern in lowered:
            text = re.sub(rf"(?i:\b{pattern}\b)", word, text)
    if "you " in lowered:
        text = _YOU_SAID.sub(r"the clinician \1", text)
    return _let_verbs_agree(text, person.subject)


_GIVING = (
    "to|for|with|of|give|get|see|start|keep|send|put|refer|have|let|want|like|help|tell|show|prescribe|"
    "order|on|schedule|provide|"
    "write|offer|bring|recommend|advise|encourage|allow|remind|ask|hand|from|about|around|hurt|bother|"
    "bothers|makes|make|made|told|"
    "gave|having|seeing|getting|keeping|putting|starting|giving|helped|helps|than|at|by|near|against|"
    "without|behind|after|before|between|scares|scared|frightens|frightened|worries|upsets|costs|drives|holds|pushes|reminds|surprises|"
    "stresses|needs"
)


_AFTER_OBJECT = "(?:on|in|to|for|with|back|up|out|off|at|through|again|down|over|into|under|a|an|the|some|this|but|every|from|feel|get)"


_GIVEN_TO_YOU = Folded(
    rf"\b({_GIVING}) you\b(?! (?:can|could|should|will|may|might|would|must|did|are|were|have|think|thought|know|knew|"
    rf"want|wanted|need|needed|expect|expected|imagined|realize|realized|used)\b)"
)
_DONE_TO_YOU = Folded(
    rf"(?<=\w )(?<!\band )(?<!\bbut )(?<!\bso )(?<!\bif )(?<!\bthat )(?<!\bwhen )(?<!\bdo )(?<!\bare )(?<!\bdid )"
    rf"(?<!\bhave )(?<!\bcan )(?<!\bhow )(?<!\bwhat )(?<!\bwhere )you (?={_AFTER_OBJECT}\b)|(?<=\wing )(?<!thing )you\b"
)
_YOU_DO = re.compile(
    rf"^(?P<aux>are|were|do|have|did) you\b|\byou (?P<adverbs>{_ADVERBS})(?P<verb>[a-z]+)\b", re.IGNORECASE
)
_ON_YOUR_OWN = re.compile(r"\b(on|by|of) your own\b", re.IGNORECASE)
_YOURSELF, _YOURS, _YOU = (re.compile(rf"\b{word}\b", re.IGNORECASE) for word in ("yourself", "yours?", "you"))


def you_after_name(text: str, person: Person) -> str:
    """Return words said to the patient as the rest of a sentence that names the patient already: `if they feel worse`."""
    if not person.is_noun:
        return you_to_third(text, person)
    text = _GIVEN_TO_YOU.sub(r"\1 them", text)
    text = _DONE_TO_YOU.sub("them ", text).replace("  ", " ")
    for pattern, word in ((_YOURSELF, person.reflexive), (_YOURS, person.possessive), (_YOU, "they")):
        text = pattern.sub(word, text)
    return text


def you_to_third(text: str, person: Person) -> str:
    """Return words said to the patient told about them: `you have had a cough` becomes `he has had a cough`."""
    if "you" not in text.lower():
        return _let_verbs_agree(text.replace("  ", " "), person.subject)
    subject = _Subject(person)
    if person.is_noun:
        text = _ON_YOUR_OWN.sub(r"\1 their own", text)
    obj = person.subject if person.is_noun else person.object
    possessive = f"{person.subject}'s" if person.is_noun else person.possessive
    text = _GIVEN_TO_YOU.sub(rf"\1 {obj}", text)
    text = _DONE_TO_YOU.sub(f"{obj} ", text).replace("  ", " ")
    text = _YOU_DO.sub(
        lambda match: (
            subject.asked(match.group("aux"))
            if match.group("aux")
            else subject.told(match.group("adverbs") or "", match.group("verb"))
        ),
        text,
    )
    text = _YOURSELF.sub(person.reflexive, text)
    text = _YOURS.sub(possessive, text)
    text = _YOU.sub(obj, text)
    if person.is_noun:
        named = text.lower().find(person.subject) + len(person.subject)
        text = text[:named] + text[named:].replace(f" {possessive} ", " their ")
    return _let_verbs_agree(text, person.subject)
