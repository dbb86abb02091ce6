#!/bin/bash
# Maque on a GPU: is it right, and how fast is it beside PyTorch, cuBLASLt and cuDNN and beside what the device can do?
# Needs CMake, a C++ compiler and nvcc; no Maven, no network. An installed PyTorch is the peer, which brings cuBLASLt and
# cuDNN along. At most 9 minutes.
#
#   benchmarks/gpu/run.sh [--json FILE] [--build DIRECTORY] [--python PROGRAM] [--cublaslt PATH] [--seconds N]
#                        [--only PATTERN]
#   benchmarks/gpu/run.sh --dry [...]
#
# --json      where to keep the figures; without it benchmarks/results/gpu-<device>-<time>.json; the table goes beside it
# --build     where to build; without it target/gpu
# --python    the Python that has PyTorch; without it python3
# --cublaslt  cuBLASLt, or the directory that has it; without it PyTorch's, or the system's
# --seconds   for all of it; 530 without it
# --only      the tasks whose names match this extended regular expression
# --dry       the same steps at tiny sizes, on the CPU: kernels run in the emulation of the tests, and a fake stands for
#             cuBLASLt. The figures mean nothing.
#
# Steps: build for this device; kernels' tests on the device, against the CPU; compute-sanitizer (memcheck, racecheck,
# synccheck) over some of them, where it is installed; timings: contenders take turns, task by task and round by round. A
# step that fails or takes too long does not lose the others.
# Exit status: 0; 1 a step failed; 2 wrong arguments; 3 no GPU.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
json= build=$root/target/gpu python=python3 cublaslt= dry= total=530 only=.
while [ $# -gt 0 ]; do
  case $1 in
    --json|--build|--python|--cublaslt|--seconds|--only)
      [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
      case $1 in
        --json) json=$(realpath -m "$2");;
        --build) build=$(realpath -m "$2");;
        --python) python=$2;;
        --cublaslt) cublaslt=$2;;
        --seconds) total=$2;;
        --only) only=$2;;
      esac
      shift;;
    --dry) dry=1;;
    -h|--help) sed -n '2,25s/^# \{0,1\}//p' "$0"; exit 0;;
    *) echo "unknown argument $1" >&2; exit 2;;
  esac
  shift
done
[[ $total =~ ^[0-9]+$ ]] || { echo "--seconds needs a number" >&2; exit 2; }

temporary=$(mktemp -d)
declare -A process asks answers command
close_all() {
  for name in "${!process[@]}"; do kill "${process[$name]}" 2>/dev/null; done
  rm -rf "$temporary"
}
trap close_all EXIT
trap '' PIPE
facts=$temporary/facts  # what report.awk reads
fact() { local IFS=$'\t'; printf '%s\n' "$*" >>"$facts"; }
left() { echo $((total - SECONDS)); }
# within N: at most N seconds, and no more than are left.
within() { local rest; rest=$(left); echo $(($1 < rest ? $1 : rest > 1 ? rest : 1)); }

nvcc=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v nvcc)
# The device's compute capability without the point, empty without a GPU.
find_architecture() {
  local found
  found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -dc 0-9)
  [ -n "$found" ] || found=$("$(dirname "$nvcc")/__nvcc_device_query" 2>/dev/null | tr -dc '0-9,' | cut -d, -f1)
  echo "$found"
}
if [ -z "$dry" ]; then
  [ -n "$nvcc" ] || { echo "no nvcc (neither in PATH nor in CUDA_HOME)" >&2; exit 1; }
  architecture=$(find_architecture)
  if [ -z "$architecture" ]; then
    echo "no GPU: not yet run on a GPU"
    exit 3
  fi
fi
status=0
# A step that has ended: NAME, ok, failed or skipped, and what there is to say.
ended() {
  echo "$1: $2${3:+ ($3)}, $SECONDS s"
  fact stage "$1" "$2" "${3:-}"
  [ "$2" != failed ] || status=1
}

# --- build ------------------------------------------------------------------------------------------------------------
if [ -n "$dry" ]; then
  library=$build/libmaque_cuda_emulated.so probes=$build/libmaque_gpu_probes_emulated.so
  tests=(cuda_activation_test cuda_optimizer_test)
  targets=(maque_gpu_bench maque_cuda_emulated_library maque_gpu_probes_emulated fake_cublaslt "${tests[@]}")
  cublaslt=${cublaslt:-$build/cuda/fake_cublaslt}
  options=()
else
  library=$build/libmaque_cuda.so probes=$build/libmaque_gpu_probes.so
  targets=(maque_gpu_bench maque_cuda maque_gpu_probes maque_gpu_tests)
  options=(-DMAQUE_CUDA_ARCHITECTURES="$architecture" -DMAQUE_NVCC="$nvcc" -DMAQUE_CUDA_DEVICE_TESTS=ON
           -DMAQUE_WARNINGS_ARE_ERRORS=OFF)
fi
make_all() {
  local generator=()
  if [ ! -f "$build/CMakeCache.txt" ]; then
    ! command -v ninja >/dev/null || generator=(-G Ninja)
    timeout "$(within 60)" cmake -S "$root" -B "$build" "${generator[@]}" "${options[@]}" || return 1
  fi
  timeout "$(within 240)" cmake --build "$build" -j "$(nproc)" --target "${targets[@]}"
}
missing=
for file in "$library" "$probes" "$build/maque_gpu_bench"; do [ -e "$file" ] || missing=$file; done
if [ -n "${MAQUE_SKIP_BUILD:-}" ]; then
  [ -z "$missing" ] && ended build skipped "MAQUE_SKIP_BUILD" || ended build failed "no $missing"
elif make_all >"$temporary/build.log" 2>&1; then
  ended build ok
else
  tail -n 40 "$temporary/build.log" >&2
  ended build failed
fi

# --- correctness ------------------------------------------------------------------------------------------------------
if [ -z "$dry" ]; then
  tests=()
  for file in "$build"/gpu_*_test; do [ -x "$file" ] && tests+=("$(basename "$file")"); done
fi
passed=0 bad=() end=$((SECONDS + 110))
for test in "${tests[@]}"; do
  [ $SECONDS -lt $end ] || { bad+=("$test (no time left)"); continue; }
  if timeout "$(within $((end - SECONDS < 60 ? end - SECONDS : 60)))" "$build/$test" >"$temporary/$test.log" 2>&1; then
    passed=$((passed + 1))
  else
    bad+=("$test")
    tail -n 15 "$temporary/$test.log" >&2
  fi
done
if [ ${#bad[@]} -gt 0 ]; then
  ended correctness failed "${bad[*]}"
elif [ $passed -eq 0 ]; then
  ended correctness failed "no test was built"
else
  ended correctness ok "$passed programs"
fi

# --- compute-sanitizer ------------------------------------------------------------------------------------------------
sanitizer=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v compute-sanitizer)
# What shares memory, waits for other threads or copies without waiting.
sanitized=(gpu_activation_test gpu_layer_norm_test gpu_gemm_test gpu_attention_test gpu_recurrence_test)
for tool in memcheck racecheck synccheck; do
  if [ -n "$dry" ]; then
    ended "$tool" skipped "the emulation has its own checks"
  elif [ -z "$sanitizer" ]; then
    ended "$tool" skipped "compute-sanitizer is not installed"
  else
    clean=() wrong=() late=() end=$((SECONDS + 40))
    for test in "${sanitized[@]}"; do
      [ -x "$build/$test" ] || continue
      [ $SECONDS -lt $end ] || { late+=("$test"); continue; }
      timeout "$(within $((end - SECONDS)))" "$sanitizer" --tool "$tool" --error-exitcode 9 \
        "$build/$test" >"$temporary/$tool.log" 2>&1
      case $? in
        0) clean+=("$test");;
        124) late+=("$test");;
        *) wrong+=("$test"); grep -m 12 '=====' "$temporary/$tool.log" >&2;;
      esac
    done
    said="clean: ${clean[*]:-none}${late:+; out of time: ${late[*]}}"
    if [ ${#wrong[@]} -gt 0 ]; then ended "$tool" failed "${wrong[*]}"
    elif [ ${#clean[@]} -eq 0 ]; then ended "$tool" failed "$said"
    else ended "$tool" ok "$said"; fi
  fi
done

# --- timings ----------------------------------------------------------------------------------------------------------
# start NAME: its command, with a pipe each way.
start() {
  local name=$1 ask answer
  rm -f "$temporary/$name".{in,out}
  mkfifo "$temporary/$name".{in,out}
  (eval "exec ${command[$name]}") <"$temporary/$name.in" >"$temporary/$name.out" 2>>"$temporary/$name.err" &
  process[$name]=$!
  exec {ask}>"$temporary/$name.in" {answer}<"$temporary/$name.out"
  asks[$name]=$ask answers[$name]=$answer
}
stop() {
  local ask=${asks[$1]} answer=${answers[$1]}
  exec {ask}>&- {answer}<&-
  kill "${process[$1]}" 2>/dev/null
  wait "${process[$1]}" 2>/dev/null
  unset "process[$1]"
}
# ask NAME LINE SECONDS: sets $answer; fails where there is none.
ask() {
  answer=
  printf '%s\n' "$2" >&"${asks[$1]}" 2>/dev/null || return 1
  IFS= read -r -t "$3" -u "${answers[$1]}" answer
}
quoted() { printf '%q ' "$@"; }

if "$python" -c 'import torch' 2>/dev/null; then
  [ -n "$cublaslt" ] || cublaslt=$("$python" -c '
import glob, os, torch
for found in sorted(glob.glob(os.path.join(os.path.dirname(os.path.dirname(torch.__file__)), "nvidia", "*", "lib", "libcublasLt.so*"))):
    print(found)
' 2>/dev/null | tail -n 1)
  command[peer]=$(quoted "$python" "$here/peer.py" ${dry:+--dry})
else
  echo "no PyTorch in $python: no peer"
  fact meta pytorch none
fi
command[bench]=$(quoted "$build/maque_gpu_bench" "$library" "$probes" ${dry:+--dry})
[ -z "$cublaslt" ] || command[bench]+=$(quoted --cublaslt "$cublaslt")

programs=()
for name in bench peer; do
  [ -n "${command[$name]:-}" ] || continue
  start "$name"
  if ask "$name" device "$(within 90)"; then
    IFS=$'\t' read -ra said <<<"$answer"
    if [ "$name" = bench ]; then
      fact meta device "${said[1]}"
      fact meta capability "${said[2]}"
      fact meta multiprocessors "${said[3]}"
      fact meta memory_bytes "${said[4]}"
      fact meta products "${said[5]}"
      device=${said[1]}
    else
      fact meta pytorch "${said[2]}"
    fi
    ask "$name" tasks "$(within 20)"
    tr '\t' '\n' <<<"$answer" | tail -n +2 >"$temporary/$name.tasks"
    ask "$name" "lengths 64 128" "$(within 20)"
    echo "$answer" >"$temporary/$name.lengths"
    programs+=("$name")
  else
    tail -n 5 "$temporary/$name.err" >&2
    ended "$name" failed "does not start: $(tail -n 1 "$temporary/$name.err" | cut -c 1-200)"
    stop "$name"
  fi
done
if [ ${#programs[@]} -eq 2 ] && ! cmp -s "$temporary"/{bench,peer}.lengths; then
  ended lengths failed "bench and peer have other texts"
fi
[ -n "$dry" ] && rounds=1 || rounds=7
[ ! -s "$temporary/bench.tasks" ] || cut -d' ' -f1 "$temporary/bench.tasks" | sort -u | grep -E -- "$only" >"$temporary/tasks"
declare -A gone
measured=0
for ((round = 0; round < rounds && ${#programs[@]} > 0; ++round)); do
  while read -r task; do
    turns=()
    for name in "${programs[@]}"; do
      while IFS= read -r line; do turns+=("$name $line"); done < <(grep "^$task " "$temporary/$name.tasks")
    done
    # Every other round the other way round.
    for ((i = 0; i < ${#turns[@]}; ++i)); do
      turn=${turns[$((round % 2 ? ${#turns[@]} - 1 - i : i))]}
      name=${turn%% *} line=${turn#* }
      [ -z "${gone[$line]:-}" ] || continue
      [ "$(left)" -gt 8 ] || break 3
      if ask "$name" "$line" "$(within 60)"; then
        IFS=$'\t' read -ra said <<<"$answer"
        if [ "${said[0]}" = ok ]; then
          fact row $line "${said[1]}" "${said[2]}"
          measured=$((measured + 1))
          continue
        fi
        why=${said[1]:-$answer}
      else
        why="no answer: $(tail -n 1 "$temporary/$name.err" | cut -c 1-200)"
        stop "$name"
        start "$name"
        [ "$(left)" -gt 30 ] && ask "$name" device "$(within 60)"
      fi
      gone[$line]=1
      fact failed $line "$why"
    done
  done <"$temporary/tasks"
done
for name in "${!process[@]}"; do stop "$name"; done
if [ $measured -eq 0 ]; then
  ended timings failed "nothing was measured"
else
  ended timings ok "$measured measurements, $round rounds${gone[*]:+, ${#gone[@]} tasks failed}"
fi

# --- report -----------------------------------------------------------------------------------------------------------
[ -n "$dry" ] && fact meta dry yes
[ -z "$nvcc" ] || fact meta nvcc "$("$nvcc" --version | grep -o 'release [0-9.]*')"
fact meta seconds "$SECONDS"
if [ -z "$json" ]; then
  [ -n "$dry" ] && directory=$build || directory=$root/benchmarks/results
  json=$directory/gpu-$(tr -cs 'A-Za-z0-9' - <<<"${device:-none}" | sed 's/-$//' | tr A-Z a-z)-$(date -u +%Y%m%d-%H%M%S).json
fi
mkdir -p "$(dirname "$json")"
awk -v json="$json" -f "$here/report.awk" "$facts" >"${json%.json}.md" || status=1
cat "${json%.json}.md"
echo "$json"
exit $status
