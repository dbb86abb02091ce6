#!/bin/bash
# What each guard of a prediction costs in nanoseconds: the crossing into native code, the handle's check and the fence that
# close() waits at, the checks of arguments, the scratch space, a file's checksum. Prints a table.
#
#   benchmarks/guards.sh [FILE]     where the figures are kept; benchmarks/results/guards.json without it
#
# CORE (default 0) and the next one are what everything is pinned to. Figures are the best of many rounds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
file=$(realpath -m "${1:-$here/results/guards.json}")
core=${CORE:-0}
cd "$root"
if [ -z "${MAQUE_SKIP_BUILD:-}" ]; then
  mvn -q -B -DskipTests -DskipNativeTests -Dnative.tests=OFF -Dspotless.check.skip=true -pl java/runtime -am test-compile
fi
cmake --build target/native --target maque_guards >target/guards.log || { cat target/guards.log; exit 1; }
classes=java/runtime/target
exec taskset -c "$core,$(((core + 1) % $(nproc --all)))" java -Xmx256m -XX:+UseSerialGC -Dmaque.native=required \
  -cp $classes/classes:$classes/test-classes maque.runtime.GuardCosts target/native/maque_guards "$file"
