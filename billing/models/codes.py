"""Code tables: what a code field may hold and what is found when one is searched."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from synapse.common.models import Timestamped


class Code(Timestamped):
    """One code of a table: its number and a few words of ours or of the list the clinic imported."""

    class System(models.TextChoices):
        ICD10 = "icd10", "Diagnosis (ICD-10)"
        CPT = "cpt", "Procedure (CPT)"
        MODIFIER = "modifier", "Modifier"
        PLACE = "place", "Place of service"

    class Rank(models.IntegerChoices):
        SHIPPED = 0, "Of the starter set"
        IMPORTED = 1, "From a list of the clinic"
        RETIRED = 2, "Retired"

    system = models.CharField(max_length=8, choices=System.choices)
    code = models.CharField(max_length=10)
    words = models.CharField(max_length=200)
    minimum_minutes = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of a timed procedure.")
    maximum_minutes = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Of a timed procedure.")
    is_retired = models.BooleanField(default=False, help_text="Known, found and refused on a new bill.")
    retired_in = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The year, where it is known.")
    replaced_by = models.CharField(max_length=60, blank=True, default="", help_text="Of a retired one: what to use.")
    is_imported = models.BooleanField(default=False, help_text="From a list of the clinic, not shipped.")
    rank = models.PositiveSmallIntegerField(
        default=1, choices=Rank.choices, help_text="Which come first of those that fit."
    )
    search_words = models.CharField(
        max_length=440, editable=False, default="", help_text="Code and words, folded: see `billing.codes.words`."
    )

    class Meta:
        # A search reads this index alone, in the order of its answer, and stops when it has enough.
        indexes = [models.Index(fields=["system", "rank", "code", "search_words"], name="code_search")]
        constraints = [
            models.UniqueConstraint(fields=["system", "code"], name="code_once"),
            models.CheckConstraint(
                condition=Q(maximum_minutes__isnull=True) | Q(maximum_minutes__gte=models.F("minimum_minutes")),
                name="code_minutes_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.words}"


class CodeImport(Timestamped):
    """A file with codes: kept until somebody has looked at it, then only that it was taken in."""

    system = models.CharField(max_length=8, choices=Code.System.choices)
    content = models.TextField(help_text="The file; empty once it is taken in.")
    row_count = models.PositiveIntegerField()
    error_count = models.PositiveIntegerField(default=0)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True, help_text="When the worker was asked to take it in.")
    applied_at = models.DateTimeField(null=True, blank=True)
    new_count = models.PositiveIntegerField(default=0)
    changed_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.row_count} codes of {self.system}"
