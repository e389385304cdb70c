"""Every template has the row of its present version, and a copy the version of its parent it was made from."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def write_rows(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    template_model = apps.get_model("reports", "ReportTemplate")
    version_model = apps.get_model("reports", "TemplateVersion")
    alias = schema_editor.connection.alias
    kept = set(version_model.objects.using(alias).values_list("template_id", "version"))
    templates = template_model.objects.using(alias).select_related("parent")
    version_model.objects.using(alias).bulk_create(
        version_model(
            template_id=template.pk,
            version=template.version,
            name=template.name,
            description=template.description,
            structure=template.structure,
            ai_prompt=template.ai_prompt,
            saved_by_id=template.doctor_id,
            saved_at=template.updated_at,
        )
        for template in templates
        if (template.pk, template.version) not in kept
    )
    # Which version a copy was made from was not kept before: it counts as made from the present one.
    for copy in templates.filter(parent__isnull=False, parent_version=None):
        copy.parent_version = copy.parent.version
        copy.save(update_fields=["parent_version"])


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_template_shipped_digest")]

    operations = [migrations.RunPython(write_rows, migrations.RunPython.noop, elidable=True)]
