"""Reads the bodies of webhooks by the package cloudevents.

Standard input has a JSON array of requests with headers and a body. Prints the event of each.
"""

import json
import sys

from cloudevents.http import from_http


def data(event):
    match event.get_data():
        case bytes(value):
            return {"bytes": list(value)}
        case value:
            return {"value": value}


def read(request):
    event = from_http(request["headers"], request["body"])
    names = ["id", "source", "type", "subject", "region", "datacontenttype"]
    return [event.get(name) for name in names] + [data(event)]


print(json.dumps([read(request) for request in json.load(sys.stdin)]))
