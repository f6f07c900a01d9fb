#!/usr/bin/env python3
"""start_mlflow.py [OPTION ...]: MLflow's server, on what the environment names.

PostgreSQL by libpq's own variables (PGHOST, PGUSER, PGPASSWORD, PGDATABASE ...), the object store
by MLFLOW_S3_ENDPOINT_URL and AWS_..., the bucket by MLFLOW_BUCKET. It waits for both for two
minutes, makes the bucket if it is not there, and becomes `mlflow server` with the options.
"""

import os
import sys
import time
from collections.abc import Callable

import boto3
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE_SECONDS = 120
#: psycopg2 reads libpq's variables for whatever the address leaves out: no password in a command.
DATABASE = "postgresql+psycopg2://"


def main() -> None:
    """Wait, and become the server."""
    bucket = os.environ.get("MLFLOW_BUCKET", "mlflow")
    wait_for("the database", lambda: psycopg2.connect("").close())
    wait_for("the object store", lambda: make_bucket(bucket))
    places = ["--backend-store-uri", DATABASE, "--artifacts-destination", f"s3://{bucket}"]
    command = [sys.executable, "-m", "mlflow", "server", *places, *sys.argv[1:]]
    os.execv(sys.executable, command)  # noqa: S606 - so that it gets the container's signals


def make_bucket(name: str) -> None:
    """Make the bucket, unless it is there."""
    client = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None)
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        region = client.meta.region_name
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client.create_bucket(Bucket=name, **({} if region in (None, "us-east-1") else elsewhere))


def wait_for(what: str, attempt: Callable[[], None]) -> None:
    """Try until it works, or until it is too late; then say why it did not."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            attempt()
        except (psycopg2.OperationalError, BotoCoreError, ClientError) as error:
            if time.monotonic() > end:
                sys.exit(f"Error: {what} cannot be used: {' '.join(str(error).split())}")
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    main()
