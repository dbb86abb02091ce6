#!/bin/bash
# Two long runs: predictions over all threads, whose resident set must stay flat, and random loading, asking, closing and
# interrupting, after which nothing may be left. Every answer is compared with one that was computed alone.
#
#   benchmarks/soak.sh [--predictions N] [--events N] [--threads N] [--seed N] [--json FILE]
#
# N may be written 1e8, as the default of --predictions is; --events 1e6, --threads 8, --seed 1.
# --json  where the result is kept: counts, resident set, CPU, date; benchmarks/results/soak.json without it
# Fails where the JVM crashes, an answer is wrong, memory grows, or a descriptor or a temporary file is left.
# MAQUE_MAX_ISA=avx2 (or ref) takes that instruction set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
predictions=1e8 events=1e6 threads=8 seed=1 json=$here/results/soak.json
while [ $# -gt 0 ]; do
  case $1 in
    --predictions) predictions=$2; shift;;
    --events) events=$2; shift;;
    --threads) threads=$2; shift;;
    --seed) seed=$2; shift;;
    --json) json=$(realpath -m "$2"); shift;;
    -h|--help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0;;
    *) echo "unknown option $1" >&2; exit 2;;
  esac
  shift
done
cd "$root"
if [ -z "${MAQUE_SKIP_BUILD:-}" ]; then
  mvn -q -B -DskipTests -DskipNativeTests -Dnative.tests=OFF -Dspotless.check.skip=true -pl java/runtime -am test-compile
fi
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
classes=java/runtime/target
java -Xms256m -Xmx256m -XX:+AlwaysPreTouch -XX:+UseSerialGC -XX:ErrorFile="$temporary/hs_err.log" -XX:-CreateCoredumpOnCrash \
  -Djava.io.tmpdir="$temporary" -Dmaque.native=required -cp $classes/classes:$classes/test-classes maque.runtime.Soak \
  "$predictions" "$events" "$threads" "$seed" "$json" || {
  status=$?
  cat "$temporary/hs_err.log" 2>/dev/null || true
  exit "$status"
}
echo "kept in $json"
