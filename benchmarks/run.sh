#!/bin/bash
# Maque beside ONNX Runtime, LibTorch and Hugging Face's tokenizers: the same weights and inputs, one core, one thread.
#
#   benchmarks/run.sh [--quick] [--json FILE] [--texts FILE] [--picture FILE] [--isa avx2] [task...]
#   benchmarks/run.sh --plots FILE.json [--picture FILE]
#   benchmarks/run.sh --list
#
# --quick  the smaller tasks, one short turn for each contender, instead of five or three: under 10 minutes
# --json   where to keep the figures; FILE with .md for the table, .html for the plots, .svg for a picture; without it
#          benchmarks/results/<time>.json
# --texts  real titles, a JSON array of strings or of objects with a "text"; without it those of the tests
# --picture  where the picture goes too; results/epyc-zen4.json, which the README shows, also makes docs/benchmarks.svg
# --plots  limits, table and plots of an earlier run's figures anew; measures nothing
# --list   names of the tasks; all are run without one
# --isa avx2  caps every contender to AVX2 and FMA on a processor that has more: Maque and LibTorch by their
#          own switches, the JVM by -XX:UseAVX=2, ONNX Runtime, which has none, by answering for CPUID
# CORE (default 0) is the core that everything is pinned to; SECOND_CORE (the next one) is where a second caller runs.
# MAQUE_MAX_ISA=avx2 alone measures Maque, and what the core can do, with AVX2; peers choose for themselves.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
core=${CORE:-0}
cpus=$core
if [ "$(nproc --all)" -gt 1 ]; then
  cpus=$core,${SECOND_CORE:-$(((core + 1) % $(nproc --all)))}
fi
# Inherited settings of OpenBLAS can force its older kernels: then a handicapped peer would be measured.
unset "${!OPENBLAS_@}"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

json=
isa=
texts=$root/java/training/src/test/resources/zh-texts.json
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=$(realpath -m "$2"); shift;;
    --texts) texts=$(realpath "$2"); shift;;
    --plots) json=-; arguments+=(--plots "$(realpath "$2")"); shift;;
    --picture) arguments+=(--picture "$(realpath -m "$2")"); shift;;
    --isa) isa=$2; shift;;
    --quick) arguments+=(--quick);;
    --list) json=-; arguments+=(--list);;
    -h|--help) sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 0;;
    -*) echo "unknown option $1" >&2; exit 2;;
    *) arguments+=("$1");;
  esac
  shift
done
case $isa in ''|avx2) ;; *) echo "--isa $isa: expected avx2" >&2; exit 2;; esac
if [ -n "$isa" ] && ! grep -qw avx512f /proc/cpuinfo; then
  echo "--isa $isa: this processor has no AVX-512, so that there is nothing to cap: run without it" >&2
  exit 2
fi
if [ -z "$json" ]; then
  mkdir -p "$here/results"
  json=$here/results/$(date -u +%Y%m%d-%H%M%S).json
fi
[ "$json" != "$here/results/epyc-zen4.json" ] || arguments+=(--picture "$root/docs/benchmarks.svg")
[ "$json" = - ] || arguments+=(--json "$json")

cd "$root"
if [ -z "${MAQUE_SKIP_BUILD:-}" ]; then
  mvn -q -B -DskipTests -Dnative.tests=OFF -Dspotless.check.skip=true -pl benchmarks -am process-classes
fi
cmake --build target/native --target maque_limits maque_products >"$here/target/limits.log" || { cat "$here/target/limits.log"; exit 1; }
preload=
if [ "$isa" = avx2 ]; then
  export MAQUE_MAX_ISA=avx2 ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Zen
  cmake --build target/native --target maque_cpuid_cap >"$here/target/limits.log" || { cat "$here/target/limits.log"; exit 1; }
  capped=$here/target/onnxruntime-avx2
  rm -rf "$capped"
  unzip -q -j "$(tr : '\n' <"$here/target/classpath.txt" | grep -E '/onnxruntime-[^/]*\.jar$')" 'ai/onnxruntime/native/linux-x64/*.so' -d "$capped"
  "$here/cap.sh" "$capped/libonnxruntime.so"
  export MAQUE_CPUID_LIBRARY=libonnxruntime.so MAQUE_CPUID_SITES=$capped/libonnxruntime.so.sites MAQUE_CPUID_REPORT=$capped/answers
  export JDK_JAVA_OPTIONS="-XX:UseAVX=2 -Donnxruntime.native.path=$capped"
  preload=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")/lib/libjsig.so:$root/target/native/libmaque_cpuid_cap.so
fi
# Packed anew in every run: the form is that of this build.
rm -rf "$here/target/models/packed"
exec env LD_PRELOAD="$preload" taskset -c "$core" java -Xmx4g -Xss16m \
  -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -Dorg.bytedeco.javacpp.maxBytes=0 \
  "-Dmaque.benchmarks.directory=$here/target/models" \
  "-Dmaque.benchmarks.texts=$texts" \
  "-Dmaque.benchmarks.limits=$root/target/native/maque_limits" \
  "-Dmaque.benchmarks.products=$root/target/native/maque_products" \
  "-Dmaque.benchmarks.cpus=$cpus" \
  "-Dmaque.benchmarks.isa=$isa" \
  -cp "$here/target/classes:$(cat "$here/target/classpath.txt")" maque.benchmarks.Suite "${arguments[@]}"
