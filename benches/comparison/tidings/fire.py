"""Fires one event of the wiki to watchers, and prints the seconds that it takes. `fire.py WATCHERS PORT`

Each has watched the language of the document, and each second one the document too. Checks the pages and the calls
of the wiki first, so that what is counted works.
"""

import sys
import time

import django
from django.conf import settings

WATCHERS, PORT = int(sys.argv[1]), int(sys.argv[2])

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=PORT,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites", "tidings", "wiki"],
    ROOT_URLCONF="wiki.urls",
    SECRET_KEY="benchmark",
    SITE_ID=1,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    TIDINGS_CONFIRM_ANONYMOUS_WATCHES=True,
    TIDINGS_FROM_ADDRESS="Wiki <notify@wiki.example>",
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core import mail  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from tidings.models import Watch  # noqa: E402
from wiki import subscriptions  # noqa: E402
from wiki.events import edited  # noqa: E402
from wiki.models import Document, Revision  # noqa: E402


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def check(document):
    """Checks that each call and page works."""
    mail.outbox = []
    subscriptions.watch_language("vera@example.org", "de")
    [watch] = Watch.objects.filter(email="vera@example.org")
    path = mail.outbox[0].body.split("https://example.com")[1].split()[0]
    assert "edits in German" in Client().get(path).content.decode()
    assert "You are subscribed" in Client().post(path).content.decode()
    vera = User.objects.create(username="vera", email="vera@example.org")
    eve = User.objects.create(username="eve", email="eve@example.org")
    subscriptions.register(vera)
    subscriptions.watch_document(vera, document)
    assert [text for _, text in subscriptions.subscriptions(vera)] == ["edits in German", "edits of “Häfen”"]
    subscriptions.watch_document(eve, document)
    mail.outbox = []
    edited(Revision(document=document, editor="Ada")).fire(exclude=eve, delay=False)
    [sent] = mail.outbox
    assert sent.to == ["vera@example.org"] and "/documents/1" in sent.body, sent.body
    path = sent.body.split("Unsubscribe: https://example.com")[1].split()[0]
    assert "unsubscribed" in Client().post(path).content.decode()
    [(watch, _)] = subscriptions.subscriptions(vera)
    subscriptions.end(vera, watch.pk)
    subscriptions.remove_document(document)
    assert Watch.objects.count() == 0
    User.objects.all().delete()


def prepare():
    call_command("migrate", run_syncdb=True, verbosity=0)
    document = Document.objects.create(language="de", title="Häfen")
    check(document)
    with transaction.atomic():
        for number in range(WATCHERS):
            user = User.objects.create(username=str(number), email="user{}@example.org".format(number))
            subscriptions.watch_language(user, "de")
            if number % 2 == 0:
                subscriptions.watch_document(user, document)
    return document


document = prepare()
for _ in sys.stdin:
    revision = Revision.objects.create(document=document, editor="Ada")
    started = time.perf_counter()
    edited(revision).fire(delay=False)
    print(time.perf_counter() - started, flush=True)
