#!/bin/bash
# cpuid_cap.sh CAP ASKS TEST: changes a copy of ASKS, then has TEST look at the processor through it with CAP preloaded.
set -eu
cap=$1 asks=$2 test=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$asks" "$folder/libasks.so"
"$(dirname "$0")/../../../benchmarks/cap.sh" "$folder/libasks.so"
[ -s "$folder/libasks.so.sites" ] || { echo "no place was changed" >&2; exit 1; }
export MAQUE_CPUID_LIBRARY=libasks.so MAQUE_CPUID_SITES=$folder/libasks.so.sites MAQUE_CPUID_REPORT=$folder/answers
LD_PRELOAD=$cap "$test" "$folder/libasks.so"
[ "$(cat "$folder/answers")" = 3 ] || { echo "expected 3 answers, there were $(cat "$folder/answers")" >&2; exit 1; }
if (ulimit -c 0; LD_PRELOAD=$cap exec "$test" "$folder/libasks.so" --illegal) 2>/dev/null; then
  echo "another illegal instruction was passed over" >&2
  exit 1
fi
if MAQUE_CPUID_SITES=/dev/null LD_PRELOAD=$cap "$test" "$folder/libasks.so" 2>/dev/null; then
  echo "a place that is not listed was answered" >&2
  exit 1
fi
