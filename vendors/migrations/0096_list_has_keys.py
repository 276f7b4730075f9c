from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vendors", "0095_addresses_of_people")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="list_has_keys",
            field=models.BooleanField(default=True, editable=False, verbose_name="order list by keys"),
        )
    ]
