#!/bin/bash
# benchmarks/gpu/run.sh --dry with what has been built already: every task gives a figure, the table and JSON hold them,
# and a program that dies or hangs loses its own task alone. With no GPU the script says so; wrong arguments are errors.
#   dry_run_test.sh BUILD
set -u
build=$1
here=$(cd "$(dirname "$0")" && pwd)
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
export MAQUE_SKIP_BUILD=1
failures=0
expect() {  # WHAT COMMAND...
  local what=$1
  shift
  if "$@"; then echo "$what: ok"; else echo "$what: FAILED"; failures=$((failures + 1)); fi
}
run() { "$here/run.sh" "$@" >"$temporary/out" 2>&1; }
says() { grep -q -- "$1" "$temporary/out" || { cat "$temporary/out"; false; }; }

# Whatever Python there is: PyTorch is not what is tested here.
cat >"$temporary/no-python" <<'END'
#!/bin/sh
exit 1
END
# A peer that answers, fails, hangs and dies.
cat >"$temporary/peer" <<'END'
#!/bin/bash
[ "$1" != -c ] || exit 0
while read -r line; do
  case $line in
    device) printf 'device\tCPU\tpretended\n';;
    tasks) printf 'tasks\tgemm_out pytorch\tgemm_up pytorch\tgemm_down pytorch\tattention_both pytorch\n';;
    lengths*) printf 'lengths\t%s\n' "$(cat "$0.lengths")";;
    'gemm_out pytorch') printf 'ok\t0.5\t0\n';;
    'gemm_up pytorch') printf 'failed\tout of memory\n';;
    'gemm_down pytorch') exit 1;;
    'attention_both pytorch') printf 'ok\t0.25\t0\n';;
  esac
done
END
chmod +x "$temporary"/{no-python,peer}
json=$temporary/dry.json

run --dry --build "$build" --json "$json" --python "$temporary/no-python"
expect "runs without PyTorch" test $? -eq 0
expect "says that there is no peer" says "no PyTorch"
expect "says that it is dry" says "a dry run, figures mean nothing"
expect "tests ran" says "correctness: ok (2 programs)"
expect "no task failed" test -z "$(grep -E 'failed' "$temporary/out")"
for task in probe_tensor probe_fma probe_read gemm_qkv gemm_gradient gemm_fp32 attention_both \
  teacher_step_32x128 teacher_step_256x32 teacher_score student_step_64x24_fp32 student_step_256x50_bf16; do
  expect "$task was measured" grep -q "\"task\": \"$task\", \"contender\": \"maque\", \"min_s\": [0-9]" "$json"
done
expect "cuBLASLt's entries were called" grep -q '"contender": "cublaslt"' "$json"
expect "the table stands beside it" grep -q '^| gemm_qkv | [0-9]' "${json%.json}.md"
if command -v python3 >/dev/null; then expect "JSON" python3 -m json.tool "$json" "$temporary/again"; fi

printf 'lengths 64 128\n' | "$build/maque_gpu_bench" "$build/libmaque_cuda_emulated.so" \
  "$build/libmaque_gpu_probes_emulated.so" --dry | cut -f2 >"$temporary/peer.lengths"
run --dry --build "$build" --json "$json" --python "$temporary/peer" --only 'gemm_(out|up|down)|attention_both'
expect "a peer's failures are no step's" test $? -eq 0
expect "what failed is told" says "gemm_up, pytorch: failed: out of memory"
expect "what died is told" says "gemm_down, pytorch: failed: no answer"
expect "what comes later is measured" grep -q '"task": "gemm_out", "contender": "pytorch", "min_s": 0.5' "$json"
expect "what comes before too" grep -q '"task": "attention_both", "contender": "pytorch", "min_s": 0.25' "$json"
echo "1 2 3" >"$temporary/peer.lengths"
run --dry --build "$build" --json "$json" --python "$temporary/peer" --only 'gemm_(out|up|down)|attention_both'
expect "other texts are a failed step" test $? -eq 1
expect "and told" says "bench and peer have other texts"

run --dry --build "$temporary/nothing" --json "$json" --python "$temporary/no-python"
expect "nothing was built" test $? -eq 1
expect "that is told" says "build: failed (no "
expect "there is a report all the same" says "timings: failed"

run --colour
expect "an unknown argument" test $? -eq 2
run --seconds soon
expect "a time that is none" test $? -eq 2
if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ] && command -v "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" >/dev/null; then
  run --json "$json"
  expect "no GPU: its own exit status" test $? -eq 3
  expect "no GPU: says so" says "no GPU: not yet run on a GPU"
fi
echo "$failures failed"
[ $failures -eq 0 ]
