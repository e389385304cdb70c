"""What a person confirmed of the list for going live."""

from django.conf import settings
from django.db import models


class Confirmation(models.Model):
    """Who saw last to something no program can see."""

    name = models.SlugField(max_length=40, primary_key=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
