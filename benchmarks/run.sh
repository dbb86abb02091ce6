#!/bin/bash
# Maque beside ONNX Runtime, LibTorch and Hugging Face's tokenizers: the same weights and inputs, one core, one thread.
#
#   benchmarks/run.sh [--quick] [--json FILE] [task...]
#
# --quick  one short round for each contender, instead of three
# --json   where to keep the figures, and FILE with .md for the table; without it benchmarks/results/<time>.json
# task     names as in Task.java (teacher-1, sequence-64x24, ...); all without
# CORE (default 0) is the core that everything is pinned to.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
core=${CORE:-0}
# Inherited settings of OpenBLAS can force its older kernels: then a handicapped peer would be measured.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

json=
quick=
tasks=()
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=$(realpath -m "$2"); shift;;
    --quick) quick=--quick;;
    -h|--help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0;;
    -*) echo "unknown option $1" >&2; exit 2;;
    *) tasks+=("$1");;
  esac
  shift
done
if [ -z "$json" ]; then
  mkdir -p "$here/results"
  json=$here/results/$(date -u +%Y%m%d-%H%M%S).json
fi

cd "$root"
[ -n "${MAQUE_SKIP_BUILD:-}" ] || mvn -q -B -DskipTests -Dspotless.check.skip=true -pl benchmarks -am process-classes
exec taskset -c "$core" java -Xmx4g -Xss16m \
  -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Dorg.bytedeco.javacpp.maxBytes=0 \
  "-Dmaque.benchmarks.directory=$here/target/material" \
  "-Dmaque.benchmarks.texts=$root/java/training/src/test/resources/zh-texts.json" \
  -cp "$here/target/classes:$(cat "$here/target/classpath.txt")" maque.benchmarks.Compare $quick --json "$json" "${tasks[@]}"
