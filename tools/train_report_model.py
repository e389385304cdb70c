#!/usr/bin/env python
"""Train the weights of the embedded report engine from openly licensed dialogues with notes.

    python tools/train_report_model.py DATA_FOLDER [boundary] [units] [guard] [therapy]

DATA_FOLDER holds aci_bench_train.json, aci_bench_valid.json, mts_dialog_train.json and primock57_days1-4.json: lists of objects
with `segments` ({id, speaker, text}), `note` and, for ACI-Bench, `dataset` and `meta`; for MTS-Dialog `dialogue`,
`section_header` and `section_text`. The three sources are CC BY 4.0; NOTICE carries the credits. `therapy`
needs none of them: it learns from our own sessions in tools/data/counselling. Needs numpy only.
"""

import collections
import json
import math
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from reports.generation import classifier, sentences, support, therapy_model, transcript_index, weights
from reports.generation.base import TranscriptSegment
from reports.generation.facts import Fact, extract_facts
from reports.generation.grammar import person_for
from reports.generation.textnorm import content_words, tokens
from reports.generation.units import Unit, make_units
from reports.generation.weights import FOLDER
from reports.generation.words import word_list
from tools.counselling import Dialogue, load_dialogues

NOTE_HEADINGS = (
    ("cc", r"chief complaint|cc$|reason for visit"),
    ("hpi", r"history of present|hpi|interval history|subjective"),
    ("ros", r"review of systems?|ros$"),
    ("pmh", r"(past )?medical history|past history|surgical history|family history|past medical|medical hx"),
    ("social", r"social history"),
    ("meds", r"(current )?medications?$"),
    ("allergy", r"allergies|allergy"),
    ("vitals", r"vitals?( reviewed| signs)?"),
    ("exam", r"physical exam(ination)?|exam(ination)?$|pe$|objective"),
    ("results", r"results?|findings|labs?$|imaging|procedure"),
    ("assessment", r"assessment|impression|diagnos[ei]s"),
    ("plan", r"plan|instructions?|disposition|follow[- ]?up"),
)
MTS_CLASSES = {
    "FAM/SOCHX": "social",
    "GENHX": "hpi",
    "PASTMEDICALHX": "pmh",
    "PASTSURGICAL": "pmh",
    "CC": "cc",
    "ALLERGY": "allergy",
    "ROS": "ros",
    "MEDICATIONS": "meds",
    "ASSESSMENT": "assessment",
    "EXAM": "exam",
    "DIAGNOSIS": "assessment",
    "DISPOSITION": "plan",
    "PLAN": "plan",
    "IMMUNIZATIONS": "pmh",
    "IMAGING": "results",
    "LABS": "results",
    "GYNHX": "pmh",
    "OTHER_HISTORY": "pmh",
    "PROCEDURES": "pmh",
    "EDCOURSE": "hpi",
}
# A short excerpt has no place in a visit, so it gets the usual place of its section.
MTS_POSITIONS = {
    "cc": 0.02,
    "hpi": 0.2,
    "ros": 0.4,
    "pmh": 0.3,
    "social": 0.35,
    "meds": 0.35,
    "allergy": 0.35,
    "exam": 0.6,
    "vitals": 0.55,
    "results": 0.65,
    "assessment": 0.75,
    "plan": 0.85,
}
MTS_WEIGHT = 0.4
COUNSELLING_WEIGHT = 2.0  # a few hundred lines against twenty thousand of general medicine
COUNSELLING = Path(__file__).parent / "data" / "counselling.txt"
ALIGNMENT_MINIMUM = 0.36
Idf = Callable[[str], float]


def segments_of(raw: Iterable[dict[str, Any]]) -> tuple[TranscriptSegment, ...]:
    return tuple(TranscriptSegment(item["id"], 0, 0, item["speaker"], item["text"]) for item in raw)


def heading_class(line: str) -> str | None:
    """Return the class a line of a note is the heading of; `ap` for assessment and plan together."""
    lowered = line.strip().rstrip(":").strip().lower()
    if not lowered or len(lowered.split()) > 6:
        return None
    if re.fullmatch(r"assessment (and|&|/) plan|a/p|ap", lowered):
        return "ap"
    for name, pattern in NOTE_HEADINGS:
        is_heading = line.strip().isupper() or line.strip().endswith(":") or len(lowered.split()) <= 3
        if re.match(rf"(?:{pattern})", lowered) and is_heading:
            return name
    return None


def note_sentences(note: str) -> list[tuple[str | None, str]]:
    """Return the sentences of a reference note with the class of the section they stand in."""
    current: str | None = None
    part: str | None = None
    found: list[tuple[str | None, str]] = []
    for line in note.split("\n"):
        text = line.strip()
        if not text:
            continue
        heading = heading_class(text) if text.isupper() or text.endswith(":") or len(text.split()) <= 4 else None
        if heading:
            current = heading
            continue
        inline = re.match(
            r"^(assessment|plan|results|vitals?|impression|physical exam(?:ination)?|chief complaint|cc)\s*:\s*(.+)",
            text,
            re.IGNORECASE,
        )
        if inline:
            current = heading_class(f"{inline.group(1)}:") or current
            text = inline.group(2)
        for piece in re.split(r"(?<=[.?!])\s+(?=[A-Z•\-])", text):
            sentence = piece.strip(" •-\t")
            if len(sentence) < 3:
                continue
            name = current
            if current == "ap":
                name, part = _assessment_or_plan(sentence, part)
            found.append((name, sentence))
    return found


def _assessment_or_plan(sentence: str, part: str | None) -> tuple[str, str]:
    if re.match(r"(medical reasoning|assessment)", sentence, re.IGNORECASE):
        part = "assessment"
    elif re.match(
        r"(medical treatment|additional testing|specialist referral|patient education|patient agree|plan\b|follow)",
        sentence,
        re.IGNORECASE,
    ):
        part = "plan"
    elif re.match(r"(\d+\.\s*)?[A-Z][\w ,/\-]{2,60}\.?$", sentence):
        part = "assessment"
    name = part or "assessment"
    if re.search(
        r"\b(will|prescri|order|refer|continue|recommend|follow[- ]up|increase|start|advised|discussed)\b",
        sentence,
        re.IGNORECASE,
    ):
        name = "plan"
    return name, part or name


def inverse_frequencies(documents: list[tuple[str, ...]]) -> tuple[dict[str, float], float]:
    """Return log((N + 1) / (df + 1)) + 0.1 by word, and the value of a word never seen."""
    frequency: collections.Counter[str] = collections.Counter()
    for document in documents:
        frequency.update(set(document))
    count = len(documents)
    return {word: math.log((count + 1) / (seen + 1)) + 0.1 for word, seen in frequency.items()}, math.log(
        count + 1
    ) + 0.1


def align(units: list[Unit], note: str, idf: Idf) -> list[str]:
    """Return the class of the note sentence each unit became, or none."""
    reference = [(name, set(content_words(sentence))) for name, sentence in note_sentences(note) if name]
    return [_align_unit(unit, reference, idf) for unit in units]


def _align_unit(unit: Unit, reference: list[tuple[str, set[str]]], idf: Idf) -> str:
    if unit.role == "doctor" and unit.is_question:
        return classifier.NONE
    words = set(content_words(unit.text))
    if unit.question and len(unit.text.split()) <= 7:
        words |= set(content_words(unit.question))
    best, label = 0.0, classifier.NONE
    total = sum(map(idf, words))
    for name, sentence in reference:
        shared = words & sentence
        if not shared:
            continue
        weight = sum(map(idf, shared))
        score = weight / math.sqrt(total * sum(map(idf, sentence)))
        if len(shared) == 1 and weight < 4.5:
            score *= 0.6
        if unit.role == "doctor" and name in ("exam", "results", "plan", "assessment", "vitals"):
            score *= 1.1
        if unit.role != "doctor" and name in ("hpi", "ros", "pmh", "social", "meds", "cc"):
            score *= 1.15
        if name == "ros":
            score *= 0.9
        if score > best:
            best, label = score, name
    return label if best >= ALIGNMENT_MINIMUM else classifier.NONE


class Rows:
    """Sparse rows: bucket numbers and values end to end, with the row each belongs to."""

    def __init__(self, rows: list[dict[int, float]]) -> None:
        self.count = len(rows)
        self.starts = np.cumsum([0] + [len(row) for row in rows])[:-1]
        self.buckets = np.fromiter((bucket for row in rows for bucket in row), dtype=np.int64)
        self.values = np.fromiter((value for row in rows for value in row.values()), dtype=np.float32)
        self.owner = np.repeat(np.arange(self.count), [len(row) for row in rows])

    def times(self, weights: np.ndarray) -> np.ndarray:
        return np.stack(
            [
                np.add.reduceat(self.values * column[self.buckets], self.starts)
                for column in np.ascontiguousarray(weights.T)
            ],
            axis=1,
        )

    def transposed_times(self, errors: np.ndarray, size: int) -> np.ndarray:
        return np.stack(
            [np.bincount(self.buckets, self.values * column[self.owner], minlength=size) for column in errors.T], axis=1
        )


def minimise(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, iterations: int, memory: int = 8
) -> np.ndarray:
    """Return the minimum found by L-BFGS with backtracking."""
    point = start
    value, gradient = function(point)
    steps: list[tuple[np.ndarray, np.ndarray, float]] = []
    for _ in range(iterations):
        direction = _lbfgs_direction(gradient, steps)
        slope = float(gradient @ direction)
        length = 1.0 if steps else min(1.0, 1.0 / (np.linalg.norm(gradient) + 1e-9))
        while True:
            candidate = point + length * direction
            new_value, new_gradient = function(candidate)
            if new_value <= value + 1e-4 * length * slope or length < 1e-8:
                break
            length *= 0.5
        step, change = candidate - point, new_gradient - gradient
        curvature = float(step @ change)
        if curvature > 1e-10:
            steps = [*steps[-(memory - 1) :], (step, change, 1.0 / curvature)]
        is_flat = abs(value - new_value) < 1e-6 * max(1.0, abs(value))
        point, value, gradient = candidate, new_value, new_gradient
        if is_flat:
            break
    return point


def _lbfgs_direction(gradient: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    direction = -gradient
    factors = []
    for step, change, inverse in reversed(steps):
        factor = inverse * float(step @ direction)
        factors.append(factor)
        direction = direction - factor * change
    if steps:
        step, change, inverse = steps[-1]
        direction = direction * (float(step @ change) / float(change @ change))
    for (step, change, inverse), factor in zip(steps, reversed(factors), strict=True):
        direction = direction + step * (factor - inverse * float(change @ direction))
    return direction


def fit_softmax(
    rows: Rows, labels: np.ndarray, weights: np.ndarray, size: int, classes: int, strength: float, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (size, classes) and biases of a multinomial logistic regression; `strength` multiplies the loss."""
    target = np.eye(classes, dtype=np.float64)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        matrix, bias = flat[: size * classes].reshape(size, classes), flat[size * classes :]
        scores = rows.times(matrix) + bias
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        errors = (np.exp(logs) - target) * weights[:, None] * strength
        value = -strength * float((weights[:, None] * target * logs).sum()) + 0.5 * float((matrix**2).sum())
        return value, np.concatenate([(rows.transposed_times(errors, size) + matrix).ravel(), errors.sum(axis=0)])

    flat = minimise(loss, np.zeros(size * classes + classes), iterations)
    return flat[: size * classes].reshape(size, classes), flat[size * classes :]


def train_boundary(data: Path) -> None:
    """Train the sentence boundary model on punctuated dialogue with its punctuation hidden."""
    rows: list[dict[int, float]] = []
    labels: list[int] = []
    for text in _punctuated_texts(data):
        words, ends = _words_and_ends(text)
        run = 0
        for place in range(len(words) - 1):
            run += 1
            rows.append(dict(collections.Counter(sentences.gap_features(words, place, run))))
            labels.append(ends[place])
            if ends[place]:
                run = 0
    held_out = int(len(rows) * 0.92)
    # The unpunctuated part has no sentence ends but those of its turns.
    joined = [
        dict(collections.Counter(sentences.gap_features(words, place, min(place + 1, 12))))
        for item in _load(data, "aci_bench_train")
        if item["dataset"] == "aci"
        for words, place in _joined_turns(item)
    ]
    rows, labels = joined + rows, [1] * len(joined) + labels
    held_out += len(joined)
    target = np.array(labels)
    matrix, bias = fit_softmax(
        Rows(rows[:held_out]), target[:held_out], np.ones(held_out), sentences.BUCKETS, 2, 0.3, 120
    )
    weights = (matrix[:, 1] - matrix[:, 0]).astype(np.float16)
    predicted = (Rows(rows[held_out:]).times(weights.astype(np.float32)[:, None])[:, 0] + bias[1] - bias[0]) > 0
    truth = target[held_out:] == 1
    hits = int((predicted & truth).sum())
    print(
        f"boundary: precision {hits / max(1, predicted.sum()):.3f} recall {hits / truth.sum():.3f} on {len(truth)} held-out gaps"
    )
    np.savez_compressed(FOLDER / "boundary.npz", w=weights, b=np.float32(bias[1] - bias[0]))


def _punctuated_texts(data: Path) -> list[str]:
    texts: list[str] = []
    for item in _load(data, "mts_dialog_train"):
        texts += [re.sub(r"^\s*\w+:", "", line) for line in re.split(r"[\r\n]+", item["dialogue"])]
    for item in _load(data, "aci_bench_train"):
        if item["dataset"] != "aci":  # that part of the set is unpunctuated
            texts += [segment["text"] for segment in item["segments"]]
    for item in _load(data, "primock57_days1-4"):
        texts += [segment["text"] for segment in item["segments"]]
    return texts


def _joined_turns(item: dict[str, Any]) -> Iterator[tuple[list[str], int]]:
    """Yield the words of two turns of one speaker end to end, with the place of the boundary between them."""
    before: dict[str, list[str]] = {}
    for segment in item["segments"]:
        words, _ = _words_and_ends(segment["text"])
        earlier = before.get(segment["speaker"], [])
        if len(words) > 3 and len(earlier) > 3:
            yield earlier + words, len(earlier) - 1
        before[segment["speaker"]] = words


def _words_and_ends(text: str) -> tuple[list[str], list[int]]:
    text = re.sub(r"n 't|n't", " n't", re.sub(r"<[^>]+>", " ", text.lower()))
    words: list[str] = []
    ends: list[int] = []
    for token in re.findall(r"[a-z0-9'\-]+|[.?!]", text):
        if token in ".?!":
            if ends:
                ends[-1] = 1
        else:
            words.append(token)
            ends.append(0)
    return words, ends


def train_units(data: Path) -> None:
    """Train the unit classifier on aligned ACI-Bench visits and MTS-Dialog excerpts."""
    train = _load(data, "aci_bench_train")
    table, unseen = inverse_frequencies(
        [content_words(item["dialogue"]) + content_words(item["note"]) for item in train]
    )

    def idf(word: str) -> float:
        return table.get(word, unseen)

    rows, labels = _aligned_rows(train, idf)
    importance = [1.0] * len(rows)
    for item in _load(data, "mts_dialog_train"):
        excerpt_rows, excerpt_labels = _excerpt_rows(item)
        rows += excerpt_rows
        labels += excerpt_labels
        importance += [MTS_WEIGHT] * len(excerpt_rows)
    for session_rows, session_labels in _counselling_rows():
        rows += session_rows
        labels += session_labels
        importance += [COUNSELLING_WEIGHT] * len(session_rows)
    order = {name: place for place, name in enumerate(classifier.CLASSES)}
    target = np.array([order[label] for label in labels])
    matrix, bias = fit_softmax(Rows(rows), target, np.array(importance), classifier.BUCKETS, len(order), 8.0, 150)
    valid_rows, valid_labels = _aligned_rows(_load(data, "aci_bench_valid"), idf)
    scores = Rows(valid_rows).times(matrix.astype(np.float16).astype(np.float32)) + bias
    predicted = scores.argmax(axis=1)
    truth = np.array([order[label] for label in valid_labels])
    print(
        f"units: {len(rows)} rows, valid accuracy {(predicted == truth).mean():.3f}, keep/none AUC {_auc(scores, truth):.3f}"
    )
    np.savez_compressed(FOLDER / "units.npz", w=matrix.astype(np.float16), b=bias.astype(np.float32))


def _auc(scores: np.ndarray, truth: np.ndarray) -> float:
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return area_under_curve(1 - exponents[:, 0] / exponents.sum(axis=1), truth > 0)


def area_under_curve(values: np.ndarray, positive: np.ndarray) -> float:
    """Return the share of positive and negative pairs in the right order."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values)] = np.arange(1, len(values) + 1)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _aligned_rows(items: list[dict[str, Any]], idf: Idf) -> tuple[list[dict[int, float]], list[str]]:
    rows: list[dict[int, float]] = []
    labels: list[str] = []
    for item in items:
        units = make_units(segments_of(item["segments"]))
        rows += _hashed(units)
        labels += align(units, item["note"], idf)
    return rows, labels


def _excerpt_rows(item: dict[str, Any]) -> tuple[list[dict[int, float]], list[str]]:
    lines = re.findall(r"^\s*(\w+)\s*:\s*(.+)", item["dialogue"].replace("\r", "\n"), re.MULTILINE)
    units = make_units(TranscriptSegment(number, 0, 0, who, text) for number, (who, text) in enumerate(lines))
    name = MTS_CLASSES[item["section_header"]]
    note = set(content_words(item["section_text"]))
    labels = []
    for unit in units:
        unit.position = MTS_POSITIONS[name]
        words = set(content_words(unit.text))
        if unit.question and len(unit.text.split()) < 8:
            words |= set(content_words(unit.question))
        is_kept = (
            bool(words) and len(words & note) / len(words) >= 0.34 and not (unit.role == "doctor" and unit.is_question)
        )
        labels.append(name if is_kept else classifier.NONE)
    return _hashed(units), labels


def _counselling_rows() -> Iterator[tuple[list[dict[int, float]], list[str]]]:
    """Yield the rows and classes of each invented session; a line is one segment, cut into units that share its class."""
    for session in re.split(r"\n\s*\n", COUNSELLING.read_text(encoding="utf-8")):
        lines = [line.split("|", 2) for line in session.splitlines() if line and not line.startswith("#")]
        who = {"d": "doctor", "p": "patient"}
        units = make_units(
            TranscriptSegment(number, 0, 0, who[speaker], text) for number, (speaker, _, text) in enumerate(lines)
        )
        yield _hashed(units), [lines[unit.segment_id][1] for unit in units]


def train_therapy(_data: Path) -> None:
    """Train what the statements of talking therapy are, and which of them a note rests on."""
    rows, labels, kept = _dialogue_rows(load_dialogues("train"))
    ones = np.ones(len(rows))
    order = {name: place for place, name in enumerate(therapy_model.LABELS)}
    matrix = np.zeros((therapy_model.BUCKETS, therapy_model.COLUMNS))
    bias = np.zeros(therapy_model.COLUMNS)
    hashed = Rows(rows)
    count = len(order)
    target = np.array([order[label] for label in labels])
    balance = (len(target) / count / np.bincount(target, minlength=count)) ** 0.5  # rare labels matter as well
    matrix[:, :count], bias[:count] = fit_softmax(
        hashed, target, balance[target], therapy_model.BUCKETS, count, 8.0, 80
    )
    weights, offsets = fit_softmax(hashed, np.array(kept), ones, therapy_model.BUCKETS, 2, 4.0, 80)
    matrix[:, therapy_model.KEPT], bias[therapy_model.KEPT] = weights[:, 1] - weights[:, 0], offsets[1] - offsets[0]
    np.savez_compressed(FOLDER / "therapy.npz", w=matrix.astype(np.float16), b=bias.astype(np.float32))
    rows, labels, kept = _dialogue_rows(load_dialogues("valid"))
    scores = Rows(rows).times(matrix.astype(np.float16).astype(np.float32)) + bias
    truth = np.array([order[label] for label in labels])
    print(
        f"therapy: {len(target)} statements, valid accuracy {(scores[:, :count].argmax(axis=1) == truth).mean():.3f}, "
        f"kept AUC {area_under_curve(scores[:, therapy_model.KEPT], np.array(kept) == 1):.3f}"
    )


def _dialogue_rows(dialogues: list[Dialogue]) -> tuple[list[dict[int, float]], list[str], list[int]]:
    """Return the features of each statement, its label, and 1 where a sentence of the note rests on it."""
    rows: list[dict[int, float]] = []
    labels: list[str] = []
    kept: list[int] = []
    for dialogue in dialogues:
        units = make_units(dialogue.segments())
        words = [tokens(unit.text) for unit in units]
        by_number = {line.number: line for line in dialogue.lines}
        cited = {number for sentence in dialogue.note for number in sentence.evidence}
        for index, unit in enumerate(units):
            line = by_number[unit.segment_id]
            rows.append(therapy_model.unit_features(units, words, index))
            labels.append(f"{'t' if line.speaker == 'T' else 'c'}_{line.label}")
            kept.append(int(line.number in cited))
    return rows, labels, kept


def _hashed(units: list[Unit]) -> list[dict[int, float]]:
    words = [tuple(tokens(unit.text)) for unit in units]
    return [classifier.hash_features(classifier.unit_features(units, words, index)) for index in range(len(units))]


INVENTED = (
    "Heart: regular rate and rhythm without murmurs, rubs, or gallops.",
    "The patient denies suicidal or homicidal ideation.",
    "Patient is alert and oriented to person, place, and time.",
    "Cranial nerves II through XII are grossly intact.",
    "Family history is significant for breast cancer in her mother.",
    "The patient quit smoking in 2015 after a 20 pack-year history.",
    "Start sertraline 50 mg once daily.",
    "Follow up with psychiatry in 6 weeks.",
    "The patient is allergic to penicillin.",
    "She drinks 2 glasses of wine per night.",
    "Blood pressure 118/76 mm Hg, heart rate 68.",
    "Patient was counselled on sleep hygiene and relaxation techniques.",
)
SWAPPED_DRUGS = word_list(
    "meloxicam lisinopril metformin atorvastatin gabapentin sertraline prednisone ibuprofen amlodipine "
    "levothyroxine omeprazole tramadol amoxicillin fluoxetine lorazepam escitalopram quetiapine lithium"
)
ENTITY_GROUPS = (
    ({*SWAPPED_DRUGS, "tylenol", "lasix", "mobic", "motrin", "advil", "insulin"}, SWAPPED_DRUGS),
    (
        {"knee", "back", "shoulder", "ankle", "chest", "hip", "elbow", "neck"},
        ["knee", "shoulder", "ankle", "hip", "elbow", "neck"],
    ),
    ({"left", "right"}, ["left", "right"]),
    ({"x-ray", "mri", "ct"}, ["MRI", "CT scan", "ultrasound", "EKG"]),
    (
        {"diabetes", "hypertension", "depression", "anxiety", "asthma", "arthritis", "pneumonia"},
        ["asthma", "schizophrenia", "epilepsy", "gout", "lupus", "COPD"],
    ),
)
NEGATION_FLIPS = (
    (r"\bdenies (any )?", "reports "),
    (
        (
            r"\b(reports|endorses|notes|states) (that )?(?=\w+ (pain|cough|fever|nausea|swelling|anxiety|"
            r"tingling)|some |pain|nausea|fever)"
        ),
        "denies ",
    ),
    (r"\b[Nn]o (?=\w)", "Positive for "),
    (r"\bis not\b", "is"),
    (r"\bdoes not\b", "does"),
    (r"\bhas not\b", "has"),
    (r"\bdid not\b", "did"),
    (r"\b(is|was|has been|will)\b(?! not)", r"\1 not"),
)
ERROR_KINDS = ("swap", "number", "negation", "entity", "invention")


def corrupt(kind: str, sentence: str, rng: random.Random, others: list[str]) -> str | None:
    """Return the sentence with one error of a kind, or None when the kind does not fit it."""
    if kind == "swap":
        return rng.choice(others)
    if kind == "invention":
        return rng.choice(INVENTED)
    if kind == "number":
        return _changed_number(sentence, rng)
    if kind == "negation":
        for pattern, replacement in NEGATION_FLIPS:
            changed, count = re.subn(pattern, replacement, sentence, count=1)
            if count and changed != sentence:
                return changed
        return None
    for words, replacements in ENTITY_GROUPS:
        match = re.search(rf"\b({'|'.join(sorted(words))})\b", sentence, re.IGNORECASE)
        if match:
            # "CT scan" for "CT" is no error: it names the same test.
            choices = [word for word in replacements if match.group(1).lower() not in word.lower().split()]
            return sentence[: match.start()] + rng.choice(choices) + sentence[match.end() :]
    return None


def _changed_number(sentence: str, rng: random.Random) -> str | None:
    matches = list(re.finditer(r"\d+(?:\.\d+)?", sentence))
    if not matches:
        return None
    match = rng.choice(matches)
    changed = str(int(float(match.group(0)) * rng.choice([2, 3, 0.5])) + rng.choice([0, 1, 5]))
    return None if changed == match.group(0) else sentence[: match.start()] + changed + sentence[match.end() :]


Example = tuple[int, str, tuple[int, ...], str]  # document, sentence, cited segments, error kind or empty


def guard_examples(items: list[dict[str, Any]], rng: random.Random, injected: int) -> list[Example]:
    """Return the sentences the embedded engine writes for each visit, and `injected` corrupted ones a visit."""
    drafts = [[(fact.text, fact.evidence) for fact in _facts_of(item) if len(fact.text.split()) >= 4] for item in items]
    examples: list[Example] = []
    for document, draft in enumerate(drafts):
        examples += [(document, text, evidence, "") for text, evidence in draft]
        texts = {text for text, _ in draft}
        for number in range(injected):
            kind = ERROR_KINDS[number % len(ERROR_KINDS)]
            for _ in range(20):
                other = rng.randrange(len(drafts))
                if other == document or not drafts[other]:
                    continue
                text, evidence = rng.choice(draft)
                changed = corrupt(kind, text, rng, [text for text, _ in drafts[other]])
                if changed and changed not in texts:
                    examples.append((document, changed, evidence, kind))
                    break
    return examples


def _facts_of(item: dict[str, Any]) -> list[Fact]:
    return extract_facts(make_units(segments_of(item["segments"])), person_for(item["meta"].get("patient_gender", "")))


def train_guard(data: Path) -> None:
    """Store the weights of words, then train the risk model on the engine's sentences and corrupted copies of them."""
    train, valid = _load(data, "aci_bench_train"), _load(data, "aci_bench_valid")
    texts = [content_words(item["dialogue"]) + content_words(item["note"]) for item in train]
    table, unseen = inverse_frequencies(texts)
    hashed = np.full(transcript_index.WEIGHT_BUCKETS, unseen, dtype=np.float16)
    for word, weight in sorted(table.items(), key=lambda item: -item[1]):
        hashed[crc32(word.encode()) % transcript_index.WEIGHT_BUCKETS] = weight
    count = 16
    blank = {"mean": np.zeros(count), "scale": np.ones(count), "w": np.zeros(count), "b": np.float32(0)}
    np.savez_compressed(FOLDER / "guard.npz", idf=hashed, **blank)
    weights_cache_clear()
    figures, target, _ = _figures_of(train, 10, 7)
    mean, scale = figures.mean(axis=0), figures.std(axis=0) + 1e-6
    rows = Rows([dict(enumerate(map(float, row))) for row in (figures - mean) / scale])
    balance = np.where(target, len(target) / (2 * target.sum()), len(target) / (2 * (~target).sum()))
    matrix, bias = fit_softmax(rows, target.astype(int), balance, count, 2, 1.0, 200)
    trained = {"mean": mean, "scale": scale, "w": matrix[:, 1] - matrix[:, 0], "b": np.float32(bias[1] - bias[0])}
    np.savez_compressed(
        FOLDER / "guard.npz", idf=hashed, **{name: np.float32(value) for name, value in trained.items()}
    )
    print("guard weights", np.round(trained["w"], 2))
    weights_cache_clear()
    figures, target, _ = _figures_of(valid, 5, 11)
    scores = ((figures - mean) / scale) @ trained["w"] + trained["b"]
    print(
        f"guard: valid AUC {area_under_curve(scores, target):.3f} on {len(target)} sentences, {target.sum()} corrupted"
    )


def weights_cache_clear() -> None:
    weights.load_weights.cache_clear()
    transcript_index._weights.cache_clear()
    support._model.cache_clear()


def _figures_of(items: list[dict[str, Any]], injected: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    examples = guard_examples(items, random.Random(seed), injected)
    indexes = [transcript_index.TranscriptIndex(segments_of(item["segments"])) for item in items]
    figures = np.array(
        [support.measure(text, evidence, indexes[document]).values for document, text, evidence, _ in examples]
    )
    return figures, np.array([bool(kind) for *_, kind in examples]), [kind for *_, kind in examples]


def _load(data: Path, name: str) -> list[dict[str, Any]]:
    return json.loads((data / f"{name}.json").read_text())


def main() -> None:
    data, wanted = Path(sys.argv[1]), sys.argv[2:] or ["boundary", "units", "guard", "therapy"]
    FOLDER.mkdir(exist_ok=True)
    steps = {"boundary": train_boundary, "units": train_units, "guard": train_guard, "therapy": train_therapy}
    for name in wanted:
        steps[name](data)


if __name__ == "__main__":
    main()
