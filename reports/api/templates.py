"""`/api/v1/templates/`."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers

from reports import queries, services
from reports.api import examples
from reports.api.template_parts import STRUCTURE
from reports.models import ReportTemplate
from reports.services.templates import MAXIMUM_LENGTHS
from synapse.accounts.roles import Permission
from synapse.api.serializers import KeyField, ResourceSerializer
from synapse.api.viewsets import Creates, Deletes, ScopedViewSet, Updates

KEEPERS = (Permission.WRITE_TEMPLATES, Permission.MANAGE_CLINIC_TEMPLATES)
CHANGE = extend_schema(
    summary="Change a template",
    description="Changed content becomes the next version; reports keep the one they were written with.",
)


@extend_schema_field(STRUCTURE)
class StructureField(serializers.JSONField):
    """The sections of a report; what is wrong with them the service says, naming the place."""


class TemplateSerializer(ResourceSerializer[ReportTemplate]):
    """The sections of a report and how they are asked for. Without a doctor it is the clinic's, and public."""

    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=MAXIMUM_LENGTHS["name"])
    description = serializers.CharField(max_length=MAXIMUM_LENGTHS["description"], required=False, allow_blank=True)
    doctor = KeyField(read_only=True)
    structure = StructureField()
    ai_prompt = serializers.CharField(
        max_length=MAXIMUM_LENGTHS["ai_prompt"],
        required=False,
        allow_blank=True,
        help_text="What the writer should do in every section, in plain words.",
    )
    is_default = serializers.BooleanField(required=False, help_text="New reports are written with it.")
    is_active = serializers.BooleanField(required=False)
    is_public = serializers.BooleanField(required=False, help_text="Colleagues may use and copy it.")
    parent = KeyField(  # type: ignore[assignment]  # the contract's own name
        read_only=True, help_text="What it was copied from."
    )

    class Meta:
        model = ReportTemplate
        fields: tuple[str, ...] = (
            *("id", "slug", "name", "description", "doctor", "structure", "ai_prompt", "is_default", "is_active"),
            *("is_public", "usage_count", "last_used_at", "version", "parent", "created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = (*("usage_count", "last_used_at", "version", "created_at", "updated_at"),)


class NewTemplateSerializer(TemplateSerializer):
    """A template to make: of its own, or as a copy of `parent`, whose content it then has where nothing is sent."""

    slug = serializers.RegexField(
        r"^[a-z0-9_-]+\Z", max_length=60, required=False, help_text="Unique among the owner's; made from the name."
    )
    name = serializers.CharField(max_length=MAXIMUM_LENGTHS["name"], required=False, help_text="Needed without parent.")
    structure = StructureField(required=False, help_text="Needed without parent.")
    parent = KeyField(queryset=ReportTemplate.objects.all(), required=False)

    class Meta(TemplateSerializer.Meta):
        pass

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        missing = [name for name in ("name", "structure") if name not in attrs]
        if "parent" not in attrs and missing:
            raise serializers.ValidationError(dict.fromkeys(missing, "This is needed, unless there is a parent."))
        return attrs


class TemplateFilters(django_filters.FilterSet):
    slug = django_filters.CharFilter(field_name="slug")
    doctor = django_filters.UUIDFilter(field_name="doctor_id")
    parent = django_filters.UUIDFilter(field_name="parent_id")
    is_active = django_filters.BooleanFilter(label="When not said, those in use.")
    is_public = django_filters.BooleanFilter()
    is_default = django_filters.BooleanFilter()
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")


@extend_schema_view(
    list=extend_schema(
        summary="List templates",
        description="A doctor's own, public ones and those that come with the product, by name; for administration the "
        "clinic's.",
    ),
    create=extend_schema(
        summary="Make or copy a template",
        description="A doctor's is their own, an administrator's the clinic's. With `parent` it is a copy.",
        request=NewTemplateSerializer,
        examples=[examples.TEMPLATE],
    ),
    retrieve=extend_schema(summary="Read a template"),
    update=CHANGE,
    partial_update=CHANGE,
    destroy=extend_schema(
        summary="Switch a template off",
        description="Reports written with it stay, and it is still read by id. Not the one new reports are written "
        "with (409).",
    ),
)
class TemplateViewSet(Creates, Updates, Deletes, ScopedViewSet[ReportTemplate]):
    """Report templates."""

    model = ReportTemplate
    serializer_class = TemplateSerializer
    input_class = NewTemplateSerializer
    filterset_class = TemplateFilters
    needs = {"*": KEEPERS}
    orderings = {
        "name": ("name",),
        "slug": ("slug",),
        "usage_count": ("usage_count",),
        "last_used_at": ("last_used_at",),
        "created_at": ("created_at",),
        "updated_at": ("updated_at",),
    }
    always_loaded = ("created_at", "updated_at", "usage_count")

    def list_scope(self, rows: QuerySet[ReportTemplate]) -> QuerySet[ReportTemplate]:
        rows = queries.in_use_or_own(rows, self.request.user)
        if "is_active" not in self.request.query_params:
            rows = rows.filter(is_active=True)
        return rows.order_by("name", "pk")

    def version_of(self, row: ReportTemplate) -> object:
        # A report written with it raises the count and nothing else.
        return row.updated_at, row.usage_count

    def create_object(self, fields: dict[str, Any]) -> ReportTemplate:
        parent: ReportTemplate | None = fields.pop("parent", None)
        by, at = self.request.user, timezone.now()
        if parent is not None:
            return services.copy_template(parent, changes=fields, by=by, at=at)
        return services.create_template(**fields, by=by, at=at)

    def update_object(self, row: ReportTemplate, fields: dict[str, Any]) -> ReportTemplate:
        return services.change_template(row, fields, by=self.request.user, at=timezone.now())

    def delete_object(self, row: ReportTemplate) -> None:
        services.retire_template(row, is_active=False, by=self.request.user, at=timezone.now())
