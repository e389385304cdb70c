from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oversight', '0002_confirmation'),
    ]

    operations = [
        migrations.AddField(
            model_name='incident',
            name='left_out',
            field=models.PositiveIntegerField(default=0, help_text='How many audit rows behind it were too many to look at.'),
        ),
        migrations.AddField(
            model_name='incident',
            name='sign_in_id',
            field=models.UUIDField(blank=True, help_text='The browser session or token that was used.', null=True),
        ),
    ]
