"""Fill the code tables with what ships."""

from django.db import migrations

from billing.codes import shipped as shipped_codes


def add_codes(apps, schema_editor):
    shipped_codes.install(apps.get_model("billing", "Code"), schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_code_search")]

    operations = [migrations.RunPython(add_codes, migrations.RunPython.noop)]
