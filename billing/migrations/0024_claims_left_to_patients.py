import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import synapse.encryption.fields


class Migration(migrations.Migration):
    dependencies = [("billing", "0023_split_before_the_answer")]

    operations = [
        migrations.RemoveConstraint(model_name="claim", name="claim_one_live_per_bill"),
        migrations.AlterField(
            model_name="claim",
            name="status",
            field=models.CharField(
                choices=[
                    ("prepared", "Prepared"),
                    ("sent", "Sent"),
                    ("accepted", "Accepted"),
                    ("denied", "Denied"),
                    ("paid", "Paid"),
                    ("to_patient", "Left to patient"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="prepared",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="claim",
            name="paid_at",
            field=models.DateTimeField(blank=True, help_text="When it was settled, also with nothing.", null=True),
        ),
        migrations.AlterField(
            model_name="claim",
            name="payment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="claims",
                to="billing.payment",
            ),
        ),
        migrations.AlterField(
            model_name="claim",
            name="split_before",
            field=synapse.encryption.fields.EncryptedJSONField(
                blank=True,
                default=dict,
                help_text="Of an answered one: who bore what of the bill until the insurer answered, by the names of its columns.",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.UniqueConstraint(
                fields=["bill"],
                condition=Q(status__in=["prepared", "sent", "accepted", "paid", "to_patient"]),
                name="claim_one_live_per_bill",
            ),
        ),
    ]
