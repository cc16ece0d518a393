"""A server that speaks S3, for the tests: loopback, a free port, one bucket, one account whose signature is checked.

It prints its port, the account's identifier and its secret, and ends when its standard input closes, so that no test
leaves one behind.
"""

import argparse
import json
import os
import sys
import threading

import boto3
from moto import settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

parser = argparse.ArgumentParser()
parser.add_argument("--bucket", required=True)
options = parser.parse_args()


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True, request_handler=Quiet)


def prepare():
    at = {
        "endpoint_url": f"http://127.0.0.1:{server.port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "prepare",
        "aws_secret_access_key": "prepare",
    }
    boto3.client("s3", **at).create_bucket(Bucket=options.bucket)
    iam = boto3.client("iam", **at)
    iam.create_user(UserName="cplds")
    # No right to make a bucket: what is missing stays missing.
    policy = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
            "Resource": "*",
        }],
    }
    iam.put_user_policy(UserName="cplds", PolicyName="bucket", PolicyDocument=json.dumps(policy))
    return iam.create_access_key(UserName="cplds")["AccessKey"]


threading.Thread(target=server.serve_forever, daemon=True).start()
key = prepare()
# From here on, every request is signed by the account, or refused.
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(server.port, key["AccessKeyId"], key["SecretAccessKey"], flush=True)
sys.stdin.read()
os._exit(0)
