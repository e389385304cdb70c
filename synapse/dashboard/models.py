"""What a person put aside on the worklist."""

from django.conf import settings
from django.db import models

from synapse.common.models import Timestamped


class SetAside(Timestamped):
    """A row of the worklist one person wants to see no more; the row itself stays what it is."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=20, help_text="Name of the worklist's source.")
    object_id = models.UUIDField()

    class Meta:
        verbose_name_plural = "set aside"
        constraints = [
            models.UniqueConstraint(fields=["user", "source", "object_id"], name="set_aside_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.object_id}"
