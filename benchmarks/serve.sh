#!/bin/bash
# Load on maque serve over loopback: throughput of a closed loop, then latencies of an open loop at half of that.
#
#   benchmarks/serve.sh STUDENT TEXTS [--json FILE] [option of ServeLoad...]
#
# STUDENT  a directory or .maque file; give MAQUE_PORT for another port than 8089
# TEXTS    one text a line, UTF-8
# --json   where to keep the figures, beside the CPU's name and the date; without it they are printed only
# Server and load share the machine's cores, so that the server alone would do more.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
student=$1 texts=$2 json=
shift 2
if [ "${1:-}" = --json ]; then json=$2; shift 2; fi
port=${MAQUE_PORT:-8089}
log=$(mktemp)
"$root/maque" serve "$student" --port "$port" >"$log" 2>&1 &
server=$!
stop() { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"; }
trap stop EXIT
until grep -q '^listening' "$log"; do
  kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.2
done
figures=$(java "$root/benchmarks/src/main/java/maque/benchmarks/ServeLoad.java" --url "http://127.0.0.1:$port" --texts "$texts" "$@")
cpu=$(sed -n 's/^model name[^:]*: //p; /^cpu family/{s/.*: /family /p}; /^model[^n]*:/{s/.*: /model /p}' /proc/cpuinfo | sort -u | paste -sd' ')
report="{
  \"student\": \"$(basename "$student")\",
  \"cpu\": \"$cpu\",
  \"cores\": $(nproc),
  \"date\": \"$(date -u +%Y-%m-%d)\",
${figures#*$'\n'}"
echo "$report"
[ -z "$json" ] || echo "$report" >"$json"
