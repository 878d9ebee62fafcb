"""Signs and verifies webhooks by the package standardwebhooks.

Standard input has a JSON object. `sign` has webhooks with a secret, an id, a timestamp and a body; `verify` has some with a
secret, headers and a body. Prints the signatures of the former, and whether each of the latter is verified.
"""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError


def sign(webhook):
    timestamp = datetime.fromtimestamp(webhook["timestamp"], tz=timezone.utc)
    return Webhook(webhook["secret"]).sign(webhook["id"], timestamp, webhook["body"])


def is_verified(webhook):
    try:
        Webhook(webhook["secret"]).verify(webhook["body"], webhook["headers"])
        return True
    except WebhookVerificationError:
        return False


work = json.load(sys.stdin)
signatures = [sign(webhook) for webhook in work["sign"]]
print(json.dumps({"sign": signatures, "verify": [is_verified(webhook) for webhook in work["verify"]]}))
