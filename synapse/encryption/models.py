"""KeyCheck: one proof a key, so that a wrong key is refused at start and not met in the data."""

from django.db import models


class KeyCheck(models.Model):
    """What a key made of a known text when the database was first used with it."""

    purpose = models.CharField(max_length=20, primary_key=True)
    proof = models.TextField()

    def __str__(self) -> str:
        return self.purpose
