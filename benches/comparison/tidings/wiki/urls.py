from django.conf.urls import include, url

from .views import activate

urlpatterns = [
    url(r"^", include("tidings.urls")),
    url(r"^activate/(\d+)/(\w+)$", activate, name="wiki.activate"),
]
