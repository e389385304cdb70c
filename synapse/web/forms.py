"""Form fields shared by the apps."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict

from synapse.common.errors import DomainError
from synapse.documents.uploads import Kind, UploadRefused, check_upload


def clean_with(check: Callable[[str], str], text: str) -> str:
    """Return a text as `check` keeps it, empty when it is; the check's refusal becomes the field's error."""
    if not text.strip():
        return ""
    try:
        return check(text)
    except DomainError as refusal:
        raise ValidationError(refusal.message, code=refusal.code) from None


class PlainMessages:
    """Say what to enter when a required field is empty: "Enter the first name", "Choose the language".

    Mix it in before Form or ModelForm; a field's own message stays.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        form: Any = self
        standard = str(forms.Field.default_error_messages["required"])
        for name, field in form.fields.items():
            if str(field.error_messages.get("required")) != standard:
                continue
            label = str(field.label or name.replace("_", " "))
            words = label if label[:2].isupper() else label[:1].lower() + label[1:]
            if isinstance(field, forms.BooleanField):
                field.error_messages["required"] = f"Tick “{label}”"
                continue
            verb = "Choose" if isinstance(field, forms.ChoiceField | forms.FileField) else "Enter"
            field.error_messages["required"] = f"{verb} the {words}"


class DateThreeFieldsWidget(forms.MultiWidget):
    """Day, month and year as three plain number fields: quicker and clearer than a calendar for a birth date."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None, *, is_birth_date: bool = False) -> None:
        widgets: dict[str, forms.Widget | type[forms.Widget]] = {}
        for part, length in (("day", 2), ("month", 2), ("year", 4)):
            own = {"inputmode": "numeric", "maxlength": length, "autocomplete": "off"}
            if is_birth_date:
                own["autocomplete"] = f"bday-{part}"
            widgets[part] = forms.TextInput(own)
        super().__init__(widgets, attrs)

    def decompress(self, value: date | str | None) -> list[Any]:
        if isinstance(value, str) and value:
            value = date.fromisoformat(value)
        return [value.day, value.month, value.year] if isinstance(value, date) else [None, None, None]

    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> list[Any]:
        """Take the three parts, or one ISO date under the plain name (a script or a link that fills the form)."""
        whole = data.get(name)
        if whole:
            try:
                return self.decompress(str(whole))
            except ValueError:
                return [whole, "", ""]
        return super().value_from_datadict(data, files, name)

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else ""


class DateThreeFieldsField(forms.MultiValueField):
    """A date typed as day, month and year. Errors say which part to change.

    `earliest` and `latest` are callables returning a date, read at each validation, so that "today" moves on.
    """

    widget: Any = DateThreeFieldsWidget

    def __init__(self, *, what: str = "Date", earliest: Any = None, latest: Any = None, **kwargs: Any) -> None:
        self.what = what
        self.earliest = earliest
        self.latest = latest
        kwargs.setdefault("error_messages", {})["required"] = f"Enter the {what[:1].lower()}{what[1:]}"
        parts = tuple(forms.CharField(required=False, max_length=10) for _ in range(3))
        super().__init__(parts, require_all_fields=False, **kwargs)

    def compress(self, data_list: list[str]) -> date | None:
        if not any(data_list):
            return None
        missing = [part for part, value in zip(("a day", "a month", "a year"), data_list, strict=True) if not value]
        if missing:
            raise ValidationError(f"{self.what} must include {' and '.join(missing)}", code="incomplete")
        try:
            numbers = [int(value) for value in data_list]
        except ValueError:
            raise ValidationError(f"{self.what} must be in numbers, like 2 5 1991", code="invalid") from None
        if numbers[2] < 1000:
            raise ValidationError(f"{self.what} must have a year of 4 digits, like 1991", code="invalid")
        try:
            value = date(numbers[2], numbers[1], numbers[0])
        except ValueError:
            raise ValidationError(f"{self.what} must be a real date", code="invalid") from None
        if self.earliest is not None and value < self.earliest():
            raise ValidationError(f"{self.what} must be after {self.earliest():%-d %B %Y}", code="too_early")
        if self.latest is not None and value > self.latest():
            raise ValidationError(f"{self.what} must be in the past", code="too_late")
        return value


class CheckedFileField(forms.FileField):
    """A file that was looked through before any form reads it; every form takes files through this one.

    A file that is not taken is the field's error; a scanner that does not answer ends the request, so nothing is taken.
    With `most_bytes` the page says before sending that a file is too large, and what to do: `or_else`.
    """

    def __init__(
        self,
        *args: Any,
        kind: Kind,
        most_bytes: int | None = None,
        or_else: str = "Split it into several files.",
        **kwargs: Any,
    ) -> None:
        self.kind, self.most_bytes = kind, most_bytes
        self.too_large = f"This file is larger than {most_bytes // 1024**2} MB. {or_else}" if most_bytes else ""
        super().__init__(*args, **kwargs)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        attributes: dict[str, Any] = super().widget_attrs(widget)
        if self.most_bytes:
            attributes |= {"data-most-bytes": self.most_bytes, "data-too-large": self.too_large}
        return attributes

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        if upload and upload is not initial:
            if self.most_bytes and upload.size > self.most_bytes:
                raise ValidationError(self.too_large, code="too_large")
            try:
                check_upload(upload, self.kind)
            except UploadRefused as refusal:
                raise ValidationError(refusal.message, code=refusal.code) from None
        return upload
