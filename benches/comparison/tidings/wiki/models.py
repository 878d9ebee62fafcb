"""The documents of the wiki, which every wiki has."""

from django.db import models


class Document(models.Model):
    language = models.CharField(max_length=2)
    title = models.CharField(max_length=100)


class Revision(models.Model):
    document = models.ForeignKey(Document, on_delete=models.CASCADE)
    editor = models.CharField(max_length=100)
