#!/usr/bin/env bash
# Everything, on both engines: prepares the machine, lends the tests a PostgreSQL, and takes it back however they end.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

"$here/prepare.sh"
export CPLDS_TEST_TOOLS=$PWD/.tools

postgres=$(mktemp -d "${TMPDIR:-/tmp}/cplds-postgres.XXXXXX")
trap '"$here/postgres.sh" stop "$postgres"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
CPLDS_TEST_POSTGRES_URL=$("$here/postgres.sh" start "$postgres")
export CPLDS_TEST_POSTGRES_URL

"${CARGO:-cargo}" test --no-fail-fast "$@"
