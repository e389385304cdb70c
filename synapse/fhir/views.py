"""The door: a request in, a resource, a Bundle or an OperationOutcome out. Nothing can be changed through it."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import http_date
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from patients.models import Patient
from reports.models import Report
from reports.permissions import SealBroken
from reports.services.exporting import export_report
from reports.writers.fhir.values import Resource
from synapse.accounts import step_up
from synapse.accounts.models import ClinicSettings
from synapse.accounts.roles import Permission
from synapse.api import errors
from synapse.api.viewsets import ApiView
from synapse.audit.models import Action
from synapse.audit.services import record_read
from synapse.common.errors import NotAllowed
from synapse.fhir import bundles, everything, outcomes, search
from synapse.fhir.capability import capability_statement
from synapse.fhir.errors import FhirError, NotAcceptable, UnknownParameter, UnknownResource
from synapse.fhir.kind import Kind, Reader
from synapse.fhir.kinds import KINDS

FORMATS = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
ACCEPTED = FORMATS | {"*/*", "application/*", "text/*"}
MAJOR_MINOR = "4.0"


class FhirRenderer(JSONRenderer):
    media_type = "application/fhir+json"


class JsonOnly(BaseContentNegotiation):
    """FHIR in JSON, whichever of its names is asked for; `_format` goes before `Accept`."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next((parser for parser in parsers if parser.media_type == request.content_type.partition(";")[0]), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[Any, str]:
        asked = request.GET.get("_format")
        if asked is not None:
            # A plus sign in an address is a space unless it is escaped, and often it is not.
            is_json = asked.partition(";")[0].strip().replace(" ", "+") in FORMATS
        else:
            is_json = any(_is_json(part) for part in request.headers.get("Accept", "*/*").split(","))
        if not is_json:
            raise NotAcceptable("This server writes application/fhir+json alone, in FHIR 4.0.", where="_format")
        first = next(iter(renderers))
        return first, first.media_type


def _is_json(accepted: str) -> bool:
    name, *parameters = (part.strip() for part in accepted.split(";"))
    versions = [part.partition("=")[2] for part in parameters if part.startswith("fhirVersion=")]
    return (name.lower() or "*/*") in ACCEPTED and all(version == MAJOR_MINOR for version in versions)


class FhirView(ApiView):
    """What every address of this server has."""

    renderer_classes = [FhirRenderer]
    content_negotiation_class = JsonOnly
    schema = None  # it has its own, at metadata
    http_method_names = ["get", "head"]

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        # Before anything else: nothing is changed here, whoever asks.
        if request.method.lower() not in self.http_method_names:
            raise exceptions.MethodNotAllowed(request.method)
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        return handle

    def reader(self) -> Reader:
        return Reader(self.request.user, timezone.now())

    def query(self) -> dict[str, list[str]]:
        return {name: self.request.GET.getlist(name) for name in self.request.GET}

    def refuse_parameters(self) -> None:
        for name in self.request.GET:
            if name not in search.OF_THE_DOOR:
                raise UnknownParameter("A read takes no such parameter.", where=name[:40])

    def answer(self, resource: Resource) -> Response:
        """Answer with one resource and its version; 304 when the client holds this version."""
        meta = resource.get("meta", {})
        headers = {"ETag": f'W/"{meta["versionId"]}"'} if "versionId" in meta else {}
        updated_at = parse_datetime(meta["lastUpdated"]) if "lastUpdated" in meta else None
        if updated_at:
            headers["Last-Modified"] = http_date(updated_at.timestamp())
        held = {tag.strip().removeprefix("W/") for tag in self.request.headers.get("If-None-Match", "").split(",")}
        if "ETag" in headers and (headers["ETag"].removeprefix("W/") in held or "*" in held):
            return Response(status=304, headers=headers)
        return Response(resource, headers=headers)


class Metadata(FhirView):
    """What this server can do; no sign-in, and no word about anybody."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> Response:
        return Response(capability_statement())


class Instance(FhirView):
    """One resource by its id."""

    def get(self, request: Request, kind: str, pk: str) -> Response:
        self.refuse_parameters()
        known = open_kind(kind, self.reader())
        reader = self.reader()
        key = _key(pk)
        row = known.by_id(known.scope(reader), [key]).first()
        if row is None:
            raise Http404
        resources = known.make([row], reader)
        if reader.broken:
            raise SealBroken
        if (subject := known.subject_of(row)) is not None:
            record_read(request, target=row, patient_id=subject, detail={"format": "fhir"})
        return self.answer(resources[0])


class Collection(FhirView):
    """A search of one kind."""

    def get(self, request: Request, kind: str) -> Response:
        return self.answer_search(kind, self.query())

    def answer_search(self, kind: str, query: dict[str, list[str]]) -> Response:
        reader = self.reader()
        known = open_kind(kind, reader)
        page = search.run(known, search.read_search(known, query), reader)
        if known.patient:
            target = (known.name, "search")
            record_read(self.request, target=target, subjects=page.subjects, detail={"format": "fhir"})
        # A name that was sent in the body, to stand in no address, must not come back in one.
        told = query if self.request.method == "GET" else {}
        asked = [(name, value) for name, values in told.items() for value in values]
        return Response(bundles.searchset(page, path=known.name, query=asked, broken=reader.broken))


class PostedSearch(Collection):
    """The same search with its parameters in the body, where no log sees them."""

    http_method_names = ["post"]
    parser_classes = [FormParser]
    action = "search"
    questions = ("search",)

    def post(self, request: Request, kind: str) -> Response:
        form = request.data
        # Without a body the framework makes a plain dict of nothing.
        posted = {name: form.getlist(name) for name in form} if isinstance(form, QueryDict) else {}
        return self.answer_search(kind, self.query() | posted)


class Everything(FhirView):
    """All this person may read about a patient, page by page."""

    throttle_scopes = {"GET": "export"}

    def get(self, request: Request, pk: str) -> Response:
        reader = self.reader()
        open_kind("Patient", reader)
        patient = Patient.objects.visible_to(reader.user).only("patient_id", "merged_into").filter(pk=_key(pk)).first()
        if patient is None:
            raise Http404
        step_up.check(request)
        query = self.query()
        selection = everything.read_selection(patient, query, ClinicSettings.load().zone)
        page = everything.page_about(patient, selection, reader)
        detail = {"format": "fhir", "part": "everything"}
        record_read(request, target=patient, action=Action.EXPORT, patient_id=patient.pk, detail=detail)
        asked = [(name, value) for name, values in query.items() for value in values]
        path = f"Patient/{patient.pk}/$everything"
        return Response(bundles.searchset(page, path=path, query=asked, broken=reader.broken))


class Binary(FhirView):
    """The PDF of a signed report: as it is, or in a Binary where the client asks for FHIR."""

    throttle_scopes = {"GET": "export"}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # Every client may take the file; only who names FHIR gets it wrapped.
        return self.get_renderers()[0], FhirRenderer.media_type

    def get(self, request: Request, pk: str) -> HttpResponse:
        if not self.request.user.may(Permission.VIEW_REPORTS):
            raise NotAllowed("Your role does not read reports.")
        signed = Report.objects.visible_to(self.request.user).filter(status=Report.Status.SIGNED, erased_at=None)
        report = signed.select_related("session__patient", "session__doctor", "signed_by", "amends").filter(pk=_key(pk))
        found = report.first()
        if found is None:
            raise Http404
        step_up.check(request)
        document = export_report(found, file_type="pdf", by=self.request.user, at=timezone.now())
        if _wants_resource(request):
            data = b64encode(document.content).decode()
            resource = {"resourceType": "Binary", "id": str(found.pk), "contentType": "application/pdf", "data": data}
            return Response(resource)
        headers = {"Content-Disposition": f'attachment; filename="{document.file_name}"'}
        return HttpResponse(document.content, content_type=document.content_type, headers=headers)


class Nowhere(FhirView):
    """Any other address."""

    def get(self, request: Request, path: str = "") -> Response:
        raise UnknownResource("There is no such address on this server. See metadata for what it has.")


def open_kind(name: str, reader: Reader) -> Kind:
    """Return the kind of that name. Raises UnknownResource, and NotAllowed for who reads none of it."""
    if name not in KINDS:
        raise UnknownResource(f"This server has no such resource. It has: {', '.join(KINDS)}.")
    kind = KINDS[name]
    if not kind.is_open_to(reader.user):
        raise NotAllowed(f"You, or this token, may not read {kind.name} resources.")
    return kind


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an error as the API does, in FHIR's words."""
    if isinstance(error, exceptions.MethodNotAllowed):
        message = "This server is for reading: nothing is changed through it."
        return Response(outcomes.outcome(message, issue="not-supported"), status=405, headers={"Allow": "GET, HEAD"})
    response = errors.handle(error, context)
    if response is None:
        return None
    issue, where = outcomes.ISSUES.get(response.status_code, "processing"), ""
    if isinstance(error, FhirError):
        issue, where = error.issue, error.where
    response.data = outcomes.outcome(response.data["error"]["message"], issue=issue, where=where)
    return response


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _wants_resource(request: Request) -> bool:
    asked = request.GET.get("_format", request.headers.get("Accept", ""))
    return "fhir" in asked or asked in FORMATS
