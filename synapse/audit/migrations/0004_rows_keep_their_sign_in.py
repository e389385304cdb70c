from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0003_report_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditevent',
            name='sign_in_id',
            field=models.UUIDField(blank=True, help_text='Of the browser session or the token.', null=True),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['sign_in_id', 'seq'], name='audit_by_sign_in'),
        ),
    ]
