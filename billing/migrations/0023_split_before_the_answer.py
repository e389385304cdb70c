from django.db import migrations

import synapse.encryption.fields


class Migration(migrations.Migration):
    dependencies = [("billing", "0022_day_is_required")]

    operations = [
        migrations.AddField(
            model_name="claim",
            name="split_before",
            field=synapse.encryption.fields.EncryptedJSONField(
                blank=True,
                default=dict,
                help_text="Of a paid one: who bore what of the bill until the insurer answered, by the names of its columns.",
            ),
        ),
    ]
