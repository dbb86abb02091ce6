#!/bin/bash
# Registers, shared memory and spills of every kernel, as ptxas tells them, into native/kernels/cuda/resources.txt.
# Dynamic shared memory is what a launch asks for and not in the table.
#   resources.sh [NVCC] [architecture ...]    default: nvcc from PATH or /usr/local/cuda, 80
set -euo pipefail
cd "$(dirname "$0")/../../.."
nvcc=${1:-$(PATH=$PATH:/usr/local/cuda/bin command -v nvcc)}
shift || true
[ $# -gt 0 ] || set -- 80
table=native/kernels/cuda/resources.txt
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

# "kernel registers stack spill_stores spill_loads barriers" for each kernel in the output of ptxas.
read_usage() {
  c++filt | awk '
    /Compiling entry function/ { entry = 1; name = $0; sub(/.*entry function ./, "", name); sub(/. for .*/, "", name) }
    /Function properties for/  { called = $0; sub(/.*properties for /, "", called); own = (called == name) }
    /bytes stack frame/ && own { stack = $1; stores = $5; loads = $9; own = 0 }
    /Used .* registers/ && entry {
      registers = $0; sub(/.*Used /, "", registers); sub(/ registers.*/, "", registers)
      barriers = 0; if (match($0, /used [0-9]+ barriers/)) barriers = substr($0, RSTART + 5, RLENGTH - 14)
      gsub(/maque::cuda::|\(anonymous namespace\)::|^void /, "", name); sub(/\(.*/, "", name)
      gsub(/\((int|bool)\)/, "", name); gsub(/_GLOBAL__N__[0-9a-z_]*::/, "", name); gsub(/, /, ",", name)
      print name, registers, stack, stores, loads, barriers; entry = 0
    }'
}

for architecture in "$@"; do
  for source in native/kernels/cuda/*.cu; do
    nice "$nvcc" -std=c++17 -O3 -fmad=false --expt-relaxed-constexpr --diag-suppress 1675 -Inative -Xcompiler -fPIC --resource-usage \
      -gencode "arch=compute_$architecture,code=sm_$architecture" -c "$source" -o /dev/null 2>&1 |
      read_usage | sed "s|^|$(basename "$source") sm_$architecture |" >>"$rows"
  done
done
{
  echo "# Made by native/kernels/cuda/resources.sh with $("$nvcc" --version | grep -o 'release [0-9.]*'). Not yet run on a GPU."
  echo "# Bytes a thread but for registers; dynamic shared memory is the launch's."
  { echo "source kernel architecture registers stack spill_stores spill_loads barriers"
    sort -k1,1 -k3,3 -k2,2V "$rows" | awk '{ print $1, $3, $2, $4, $5, $6, $7, $8 }'; } | column -t
} >"$table"
echo "$table: $(wc -l <"$rows") rows"
