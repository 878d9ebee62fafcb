"""The events of the wiki, and the mails about them."""

from django.conf import settings
from django.contrib.sites.models import Site
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from tidings.events import Event, EventUnion, InstanceEvent

from .models import Document


class Mails:
    """The mails of both events."""

    def _mails(self, users_and_watches):
        subject = "{0.editor} edited “{0.document.title}”.".format(self.revision)
        site = Site.objects.get_current().domain
        for user, watches in users_and_watches:
            context = {"revision": self.revision, "subject": subject, "site": site, "watches": watches, "email": user.email}
            text = render_to_string("wiki/edited.txt", context)
            yield EmailMessage(subject, text, settings.TIDINGS_FROM_ADDRESS, [user.email])

    @classmethod
    def _activation_email(cls, watch, email):
        path = reverse("wiki.activate", args=[watch.pk, watch.secret])
        url = "https://{}{}".format(Site.objects.get_current().domain, path)
        text = render_to_string("wiki/activate.txt", {"url": url})
        return EmailMessage("Confirm your subscription", text, settings.TIDINGS_FROM_ADDRESS, [email])


class EditDocumentEvent(Mails, InstanceEvent):
    event_type = "wiki edit document"
    content_type = Document

    def __init__(self, revision):
        super().__init__(revision.document)
        self.revision = revision


class EditInLanguageEvent(Mails, Event):
    event_type = "wiki edit in language"
    filters = {"language"}

    def __init__(self, revision):
        super().__init__()
        self.revision = revision

    def _users_watching(self, **kwargs):
        language = self.revision.document.language
        return self._users_watching_by_filter(language=language, **kwargs)


def edited(revision):
    """Returns one event for both ways to watch."""
    return EventUnion(EditDocumentEvent(revision), EditInLanguageEvent(revision))
