"""Give entries and payments the clinic's date they are made on; what is there gets it in the next step."""

from django.db import migrations, models

KEPT = "The clinic's date of then; it stays when the clinic changes its time zone."


class Migration(migrations.Migration):
    dependencies = [("billing", "0019_order_of_lists")]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="booked_on",
            field=models.DateField(null=True, help_text=KEPT),
        ),
        migrations.AddField(
            model_name="payment",
            name="booked_on",
            field=models.DateField(null=True, help_text=KEPT),
        ),
    ]
