"""An S3-compatible server that takes signed requests of one key only: moto's S3, behind a check of signatures
with botocore, which is AWS's own code. Says the port on standard output; ends when standard input does.

    s3_server.py BUCKET ACCESS_KEY SECRET_KEY [CERTIFICATE KEY]

With the names of two PEM files it speaks TLS.
"""

import datetime
import sys
import threading
from urllib.parse import parse_qs

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import create_backend_app
from werkzeug.serving import make_server

REGION = "us-east-1"


def refused(code, message):
    text = "<Error><Code>%s</Code><Message>%s</Message></Error>" % (code, message)
    return "403 Forbidden", text.encode()


class Door:
    """Lets in whoever proves to have the key."""

    def __init__(self, inside, access_key, secret_key):
        self.inside = inside
        self.access_key = access_key
        self.signer = S3SigV4QueryAuth(Credentials(access_key, secret_key), "s3", REGION)

    def __call__(self, environ, start_response):
        wrong = self.wrong(environ)
        if wrong is None:
            return self.inside(environ, start_response)
        # The client may still be sending.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, body = wrong
        start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]

    def wrong(self, environ):
        query = environ.get("QUERY_STRING", "")
        given = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        signature = given.get("X-Amz-Signature")
        if signature is None:
            return refused("AccessDenied", "Access Denied")
        if given.get("X-Amz-Credential", "").split("/")[0] != self.access_key:
            return refused("InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
        signed = datetime.datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        age = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - signed
        if not -900 <= age.total_seconds() <= int(given["X-Amz-Expires"]):
            return refused("AccessDenied", "Request has expired")
        rest = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
        url = "%s://%s%s?%s" % (environ["wsgi.url_scheme"], environ["HTTP_HOST"], environ["RAW_URI"].split("?")[0], rest)
        request = AWSRequest(environ["REQUEST_METHOD"], url, {"host": environ["HTTP_HOST"]})
        request.context["timestamp"] = given["X-Amz-Date"]
        text = self.signer.string_to_sign(request, self.signer.canonical_request(request))
        if self.signer.signature(text, request) != signature:
            return refused("SignatureDoesNotMatch", "The request signature we calculated does not match.")
        return None


def main():
    bucket, access_key, secret_key, *tls = sys.argv[1:]
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, REGION)
    app = Door(create_backend_app("s3"), access_key, secret_key)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tuple(tls) or None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


main()
