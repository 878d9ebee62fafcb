"""What a site lets people do with their subscriptions."""

from django.contrib.contenttypes.models import ContentType
from tidings.models import Watch
from tidings.tasks import claim_watches
from tidings.utils import hash_to_unsigned

from .events import EditDocumentEvent, EditInLanguageEvent
from .models import Document

LANGUAGES = {"en": "English", "de": "German", "fr": "French"}
# A filter has a hash of its value.
LANGUAGES_BY_HASH = {hash_to_unsigned(code): name for code, name in LANGUAGES.items()}


def watch_document(user_or_email, document):
    EditDocumentEvent.notify(user_or_email, document)


def watch_language(user_or_email, language):
    EditInLanguageEvent.notify(user_or_email, language=language)


def subscriptions(user):
    """Returns the subscriptions of a user, each with its description."""
    watches = Watch.objects.filter(user=user, is_active=True).order_by("pk")
    return [(watch, describe(watch)) for watch in watches]


def describe(watch):
    if watch.event_type == EditDocumentEvent.event_type:
        return "edits of “{}”".format(watch.content_object.title)
    language = watch.filters.filter(name="language").first()
    return "edits in {}".format(LANGUAGES_BY_HASH[language.value])


def end(user, watch_id):
    Watch.objects.filter(user=user, pk=watch_id).delete()


def remove_document(document):
    kind = ContentType.objects.get_for_model(Document)
    Watch.objects.filter(content_type=kind, object_id=document.pk).delete()


def register(user):
    claim_watches(user)
