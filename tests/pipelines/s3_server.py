"""A local S3 server (moto) with a bucket called bucket, in a process of its own; ends when its input does.

Prints its address. Where INITIAL_NO_AUTH_ACTION_COUNT=1 is set, nobody has a right after the bucket was made.
"""

from __future__ import annotations

import sys

import boto3
from moto.server import ThreadedMotoServer


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    client.create_bucket(Bucket="bucket")
    print(address, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
