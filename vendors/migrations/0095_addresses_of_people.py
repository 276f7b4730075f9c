from django.conf import settings
from django.db import migrations
from django.db.models.functions import Lower


def vouch_for_addresses(apps, schema_editor):
    """Write addresses in small letters, and give each person the row that allauth keeps of the address."""
    User = apps.get_model("vendors", "User")
    EmailAddress = apps.get_model("account", "EmailAddress")
    User.objects.exclude(email=Lower("email")).update(email=Lower("email"))
    known = EmailAddress.objects.filter(verified=True, primary=True)
    for user in User.objects.exclude(pk__in=known.values("user")).iterator():
        EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
        EmailAddress.objects.update_or_create(
            user=user, email=user.email, defaults={"verified": True, "primary": True}
        )


class Migration(migrations.Migration):
    dependencies = [
        ("vendors", "0091_office_searches"),
        ("account", "0009_emailaddress_unique_primary_email"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunPython(vouch_for_addresses, migrations.RunPython.noop)]
