from django.db import migrations, models

KEPT = "The clinic's date of then; it stays when the clinic changes its time zone."


class Migration(migrations.Migration):
    dependencies = [("billing", "0021_fill_day_of_an_entry")]

    operations = [
        migrations.AlterField(
            model_name="ledgerentry",
            name="booked_on",
            field=models.DateField(help_text=KEPT),
        ),
        migrations.AlterField(
            model_name="payment",
            name="booked_on",
            field=models.DateField(help_text=KEPT),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["booked_on"], name="ledger_by_booking"),
        ),
    ]
