#!/bin/bash
# Registers, shared memory and spills of every kernel, as ptxas tells them. Dynamic shared memory is what a launch asks for
# and not in the table.
#   resources.sh write NVCC FILE...   writes native/kernels/cuda/resources.txt
#   resources.sh check NVCC FILE...   fails where a kernel spills more than the table says (or spills at all, where it is
#                                     not in the table). 77: the table is another nvcc's.
# FILE: what nvcc --resource-usage said of a source, SOURCE.usage in the folder cuda of a build with
# -DMAQUE_CUDA_ARCHITECTURES=all (or CI=true).
set -euo pipefail
cd "$(dirname "$0")/../../.."
table=native/kernels/cuda/resources.txt
architectures="sm_75|sm_80|sm_90a|sm_120"
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

# "kernel architecture registers stack spill_stores spill_loads barriers" for each kernel in the output of ptxas.
read_usage() {
  c++filt | awk '
    /Compiling entry function/ {
      entry = 1; name = $0; sub(/.*entry function ./, "", name); sub(/. for .*/, "", name)
      sm = $0; sub(/.* for ./, "", sm); sub(/.$/, "", sm)
    }
    /Function properties for/  { called = $0; sub(/.*properties for /, "", called); own = (called == name) }
    /bytes stack frame/ && own { stack = $1; stores = $5; loads = $9; own = 0 }
    /Used .* registers/ && entry {
      registers = $0; sub(/.*Used /, "", registers); sub(/ registers.*/, "", registers)
      barriers = 0; if (match($0, /used [0-9]+ barriers/)) barriers = substr($0, RSTART + 5, RLENGTH - 14)
      gsub(/maque::cuda::|\(anonymous namespace\)::|^void /, "", name); sub(/\(.*/, "", name)
      gsub(/\((int|bool)\)/, "", name); gsub(/_GLOBAL__N__[0-9a-z_]*::/, "", name); gsub(/, /, ",", name)
      gsub(/> >/, ">>", name)
      print name, sm, registers, stack, stores, loads, barriers; entry = 0
    }'
}

release() { "$1" --version | grep -o 'release [0-9.]*'; }

command=${1:-}
nvcc=${2:-}
[ $# -ge 3 ] || { echo "resources.sh write|check NVCC FILE..."; exit 1; }
shift 2
release=$("$nvcc" --version | grep -o 'release [0-9.]*')
if [ "$command" = check ] && ! grep -q "with $release\." "$table"; then
  echo "CUDA resources SKIPPED: $table was not made by nvcc $release"
  exit 77
fi
for file in "$@"; do
  read_usage <"$file" | sed "s|^|$(basename "$file" .usage).cu |" >>"$rows"
done

if [ "$command" = check ]; then
  awk '
    NR == FNR { if (!/^#/) { known[$1, $2, $3] = $6 + $7; listed[$3] = 1 } next }
    !($3 in listed) { next }  # an architecture of which the table says nothing
    {
      ++kernels
      if ($6 + $7 > known[$1, $2, $3] + 0) {
        print $2 " of " $1 " for " $3 " spills " $6 + $7 " bytes, in the table " known[$1, $2, $3] + 0; bad = 1
      }
    }
    END { print kernels + 0 " kernels looked at"; exit bad }' "$table" "$rows"
else
  {
    echo "# Made by native/kernels/cuda/resources.sh with $release. Not yet run on a GPU."
    echo "# Bytes a thread but for registers; dynamic shared memory is the launch's. Kernels of tensor cores are a trap on sm_75,"
    echo "# those of wgmma on all but sm_90a."
    { echo "source kernel architecture registers stack spill_stores spill_loads barriers"
      awk -v of="^($architectures)$" '$3 ~ of' "$rows" | sort -k1,1 -k3,3V -k2,2V; } | column -t
  } >"$table"
  echo "$table: $(grep -vc '^#' "$table") lines"
fi
