"""The page by which an address is confirmed. The page by which people unsubscribe is that of django-tidings."""

from django.shortcuts import get_object_or_404, render
from tidings.models import Watch

from .subscriptions import describe


def activate(request, watch_id, secret):
    watch = get_object_or_404(Watch, pk=watch_id, secret=secret)
    if request.method == "POST":
        watch.activate().save()
    context = {"watch": watch, "description": describe(watch)}
    return render(request, "wiki/activate.html", context)
