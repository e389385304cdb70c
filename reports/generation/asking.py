"""How a language model is asked for a report, whichever it is: attempts, deadline, guard, one repair call."""

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from reports.templating.structure import Section
from synapse.outside import calls

from .base import DraftSection, DraftSentence, GeneratedReport, GenerationError, GenerationRequest, Progress
from .guard import Guard, guard_for
from .prompts import (
    PROMPT_VERSION,
    Scrubber,
    UnknownVariable,
    fill_variables,
    repair_prompt,
    section_prompt,
    system_prompt,
    transcript_prompt,
)
from .schema import AnswerError, answer_schema, read_answer, sections_to_ask
from .tristate import check_line

ATTEMPTS = 3
ATTEMPT_SECONDS = 60.0
BUDGET_SECONDS = 108.0  # everything for one report, so that it ends below the worker's limit of 120 s a job
_REPAIR_NEEDS_SECONDS = 20.0
_SHORTEST_ATTEMPT_SECONDS = 0.05
NOT_AGREED = "no_consent"
MAXIMUM_OUTPUT_TOKENS = 16384  # thinking counts in it
# What another attempt a moment later may mend. An answer of the wrong form is left to the job's next run.
_RETRIED = frozenset(("unavailable", "quota", "network", "timeout"))

# What models put around an answer although they were asked for JSON alone: thoughts said aloud, a code fence.
_ASIDE = re.compile(r"\A\s*<think>.*?</think>|\A\s*```(?:json)?|```\s*\Z|(?<=</think>)\s*```(?:json)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer: its text, the model that gave it, and the tokens it took, by name."""

    text: str
    model: str
    tokens: dict[str, int]


class Ask(Protocol):
    """One call to a model; raise GenerationError. `timeout` is in seconds."""

    def __call__(self, system: str, contents: Sequence[str], schema: dict[str, Any], *, timeout: float) -> Reply: ...


@dataclass(frozen=True, slots=True)
class _Task:
    """What is asked for in one report or section."""

    request: GenerationRequest
    sections: tuple[Section, ...]
    system: str
    contents: tuple[str, ...]


class AskingGenerator(ABC):
    """Draft reports with a language model: one call a report, one more to repair sections that fail the guard."""

    name: str
    title: ClassVar[str]
    model: str
    is_cloud: bool
    is_immediate = False

    def __init__(self, *, timeout: float = ATTEMPT_SECONDS, first_pause: float = 1.0) -> None:
        """Take how long one attempt may take and the pause before the second one, in seconds."""
        self._timeout = timeout
        self._first_pause = first_pause

    @abstractmethod
    def conversation(self) -> AbstractContextManager[Ask]:
        """Return the open connection; raise GenerationError when it is not set up."""

    def generate(self, request: GenerationRequest, *, progress: Progress | None = None) -> GeneratedReport:
        """Draft every section of the request; raise GenerationError."""
        draft = self._write(request, request.sections)
        for done, section in enumerate(draft.sections, start=1):
            if progress:
                progress(section.id, done, len(draft.sections))
        return draft

    def regenerate_section(
        self, request: GenerationRequest, section: Section, current: DraftSection, instruction: str
    ) -> GeneratedReport:
        """Write one section again as asked, the other words of the report left alone; raise GenerationError."""
        return self._write(request, (section,), section_prompt(current, instruction))

    def _write(self, request: GenerationRequest, sections: tuple[Section, ...], wish: str = "") -> GeneratedReport:
        if not any(segment.text.strip() for segment in request.segments):
            raise GenerationError("The transcript has no words.", transient=False, code="no_speech")
        deadline = time.monotonic() + BUDGET_SECONDS
        scrubber = Scrubber(request.identifiers)
        try:
            task = _Task(
                request,
                sections_to_ask(_anonymous(sections, request, scrubber)),
                system_prompt(request),
                (transcript_prompt(request), scrubber.scrub(wish)) if wish else (transcript_prompt(request),),
            )
        except UnknownVariable as error:
            raise GenerationError(str(error), transient=False, code="bad_prompt") from None
        if not task.sections:
            return GeneratedReport(read_answer({}, sections, ()), engine=self.name, prompt_version=PROMPT_VERSION)
        with self.conversation() as ask:
            answers, reply = self._ask(ask, task, deadline)
            tokens = reply.tokens
            problems = _hard_problems(read_answer(answers, sections, _ids(request)), guard_for(request.segments))
            if problems and deadline - time.monotonic() > _REPAIR_NEEDS_SECONDS:
                answers, tokens = self._repaired(ask, task, answers, tokens, problems, deadline)
        return GeneratedReport(
            sections=read_answer(answers, sections, _ids(request)),
            engine=self.name,
            model=reply.model,
            prompt_version=PROMPT_VERSION,
            token_usage=tokens,
        )

    def _ask(self, ask: Ask, task: _Task, deadline: float) -> tuple[dict[str, Any], Reply]:
        """Return an answer that fits the schema, and the reply it came in."""
        reply = self._patiently(ask, task, deadline)
        try:
            answer = json.loads(_ASIDE.sub("", reply.text).strip())
        except (ValueError, RecursionError):
            raise self.failure("gave an answer that is not JSON", code="bad_answer", transient=True) from None
        try:
            read_answer(answer, task.sections, _ids(task.request))
        except AnswerError as error:
            raise self.failure(
                f"gave an answer of the wrong form: {error}", code="bad_answer", transient=True
            ) from None
        return answer, reply

    def _patiently(self, ask: Ask, task: _Task, deadline: float) -> Reply:
        """Return a reply; what fails for the moment is tried again until the deadline."""
        schema = answer_schema(task.sections)
        for attempt in range(1, ATTEMPTS):
            self._require_leave()
            try:
                return ask(task.system, task.contents, schema, timeout=self._time_for(deadline))
            except GenerationError as error:
                pause = self._first_pause * 2 ** (attempt - 1)
                if error.code not in _RETRIED or time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)
        self._require_leave()
        return ask(task.system, task.contents, schema, timeout=self._time_for(deadline))

    def _require_leave(self) -> None:
        """Ask before every attempt whether the words may leave: a consent may be withdrawn while an answer is waited for."""
        if not self.is_cloud:
            return
        try:
            calls.require_leave()
        except calls.NotAgreed:
            raise self.failure("was not asked: the patient does not agree", code=NOT_AGREED, transient=False) from None

    def _time_for(self, deadline: float) -> float:
        """Return how long the next attempt may take, in seconds."""
        return max(_SHORTEST_ATTEMPT_SECONDS, min(self._timeout, deadline - time.monotonic()))

    def _repaired(
        self,
        ask: Ask,
        task: _Task,
        answers: dict[str, Any],
        tokens: dict[str, int],
        problems: list[tuple[str, DraftSentence, str]],
        deadline: float,
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """Return the answers after one repair call; one that did not get better, or a failed call, leaves them as they were."""
        failing = {section_id for section_id, _, _ in problems}
        wanted = tuple(section for section in task.sections if section.id in failing)
        repair = Scrubber(task.request.identifiers).scrub(repair_prompt(problems))
        try:
            repaired, reply = self._ask(
                ask, replace(task, sections=wanted, contents=(*task.contents, repair)), deadline
            )
        except GenerationError:
            return answers, tokens
        guard = guard_for(task.request.segments)
        better = dict(answers)
        for section in wanted:
            draft = read_answer(repaired, (section,), _ids(task.request))
            if len(_hard_problems(draft, guard)) < sum(section_id == section.id for section_id, _, _ in problems):
                better[section.id] = repaired[section.id]
        names = tokens.keys() | reply.tokens.keys()
        return better, {name: tokens.get(name, 0) + reply.tokens.get(name, 0) for name in sorted(names)}

    def failure(self, what: str, *, code: str, transient: bool) -> GenerationError:
        """Return an error that begins with the service's name; `what` holds nothing of what was sent or answered."""
        return GenerationError(f"{self.title} {what}.", transient=transient, code=code)


def _anonymous(sections: tuple[Section, ...], request: GenerationRequest, scrubber: Scrubber) -> tuple[Section, ...]:
    """Return the sections with the variables of their instructions filled in and identity taken out of every word."""
    return tuple(
        replace(
            section,
            title=scrubber.scrub(section.title),
            instructions=scrubber.scrub(fill_variables(section.instructions, request.context)),
            subsections=_anonymous(section.subsections, request, scrubber),
        )
        for section in sections
    )


def _ids(request: GenerationRequest) -> frozenset[int]:
    return frozenset(segment.id for segment in request.segments)


def _hard_problems(sections: Sequence[DraftSection], guard: Guard) -> list[tuple[str, DraftSentence, str]]:
    """Return section id, sentence and reason for each sentence with a hard flag."""
    problems = []
    for section in sections:
        for sentence in section.all_sentences():
            if sentence.is_template:
                continue
            result = check_line(guard, sentence.text, sentence.evidence, sentence.item)
            reasons = [flag.detail for flag in result.flags if flag.is_hard]
            if reasons:
                problems.append((section.id, sentence, " ".join(reasons)))
    return problems
