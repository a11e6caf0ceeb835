#!/bin/sh
# Makes the secrets that compose.yaml needs and leaves those alone that are there. The
# folder keeps others of this machine out; the files themselves must be readable for the
# users of the containers.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in mysql_root_password mysql_password redis_password minio_root_password s3_secret rtc_secret grafana_password; do
	if [ ! -s "secrets/$name" ]; then
		od -An -N 24 -t x1 /dev/urandom | tr -d ' \n' >"secrets/$name"
		chmod 444 "secrets/$name"
	fi
done
