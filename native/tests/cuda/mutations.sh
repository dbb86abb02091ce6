#!/bin/bash
# Breaks kernels on purpose, one place at a time, and expects the emulated tests to fail: a missing barrier, a wrong mask,
# an off-by-one and their like do not pass unseen.
#   [ONLY=pattern] mutations.sh BUILD CXX LIBRARIES...
#     BUILD: where the cuda_*_test executables have been built; ONLY: of the mutated files, such as ^lstm
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
build=$1 cxx=$2
shift 2
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
caught=0 tried=0

# mutate FILE SOURCE TEST FROM TO: FROM (one place in native/kernels/cuda/FILE) becomes TO, SOURCE.cu is compiled with it
# and TEST run.
mutate() {
  local file=$1 source=$2 test=$3 from=$4 to=$5 copy=$temporary/kernels/cuda
  [[ $file =~ ${ONLY:-.} ]] || return 0
  tried=$((tried + 1))
  rm -rf "$temporary/kernels" && mkdir -p "$copy"
  FROM=$from TO=$to perl -0pe '$n = s/\Q$ENV{FROM}\E/$ENV{TO}/g; die "not one place\n" if $n != 1' \
    "$root/native/kernels/cuda/$file" >"$copy/$file" || { echo "$file: '$from' is not in one place"; return; }
  [ "$file" = "$source.cu" ] || cp "$root/native/kernels/cuda/$source.cu" "$copy"
  "$cxx" -std=c++17 -O0 -w -ffp-contract=off -DMAQUE_TEST_CUDA -I"$temporary" -I"$root/native" -x c++ \
    -c "$copy/$source.cu" -o "$temporary/mutant.o"
  "$cxx" "$temporary/mutant.o" $(find "$build/CMakeFiles/$test.dir" "$build/CMakeFiles/maque_kernels_emu.dir" -name '*.o') \
    "${libraries[@]}" -lm -o "$temporary/$test"
  # The first failed check is enough; a crash is one too.
  local codes
  set +e
  { timeout 120 stdbuf -oL "$temporary/$test" 2>&1; } 2>/dev/null |
    awk '/kernel [a-z_0-9]+:/ { print } /failed:|element [0-9]+ of/ { found = 1; exit } END { exit !found }' >"$temporary/log"
  codes=("${PIPESTATUS[@]}")
  set -e
  if [ "${codes[1]}" -ne 0 ] && [ "${codes[0]}" -lt 128 ]; then
    echo "$file: NOT caught: '$from' -> '$to'"
  else
    caught=$((caught + 1))
    echo "$file: caught: '$from' -> '$to' ($(grep -m1 -oE 'kernel [a-z_0-9]+: .*' "$temporary/log" || echo 'wrong values'))"
  fi
}
libraries=("$@")


# barriers
mutate gemm.cu gemm cuda_gemm_test 'sync_threads();  // the half' '// the half'
mutate gemm_bf16.cu gemm_bf16 cuda_gemm_test 'sync_threads();  // tile t' '// tile t'
mutate attention.cu attention cuda_attention_test 'sync_threads();  // the tile before' '// the tile before'
mutate attention.cu attention cuda_attention_test 'sync_warp();
    add_weighted(w, values' 'add_weighted(w, values'
mutate attention_bf16.cu attention_bf16 cuda_attention_test 'sync_threads();  // this tile' '// this tile'
mutate objective.cu objective cuda_objective_test 'add_row(rows[i], &weight_sum, squares, &r);
      sync_threads();' 'add_row(rows[i], &weight_sum, squares, &r);'
for source in lstm lstm_bf16; do
  mutate lstm_walk.h $source cuda_recurrence_test 'sync_threads();  // rows and' '// rows and'
  mutate lstm_walk.h $source cuda_recurrence_test 'sync_threads();  // the sums' '// the sums'
  mutate lstm_walk.h $source cuda_recurrence_test 'sync_blocks(arrivals + place.d, static_cast<uint32_t>(shape.blocks), static_cast<uint32_t>(at + 1));' ''
done
mutate lstm.cu lstm cuda_recurrence_test 'sync_warp();  // first terms' '// first terms'
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'sync_threads();  // the barriers' '// the barriers'
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'if (t >= kStages) ring.barriers.wait(Ring::free(t), Ring::parity(t - kStages));' ''
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'ring.barriers.wait(Ring::full(t), Ring::parity(t));' ''
# the wrong phase
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'Ring::parity(t - kStages)' 'Ring::parity(t)'
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'wait(Ring::full(t), Ring::parity(t))' 'wait(Ring::full(t), 1 - Ring::parity(t))'
# fences, and products that have not been waited for
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'begin_products();' ''
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'Barriers::fence();' ''
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'wait_products<1>();' 'wait_products<2>();'
mutate gemm_wgmma.cu gemm_wgmma cuda_gemm_test 'wait_products<0>();' ''
# copies that do not wait
mutate gemm_bf16.cu gemm_bf16 cuda_gemm_test 'wait_async<kStages - 2>();' 'wait_async<kStages - 1>();'
mutate lstm_bf16.cu lstm_bf16 cuda_recurrence_test 'wait_async<0>();' ''
# the wrong one of two copies
mutate lstm_bf16.cu lstm_bf16 cuda_recurrence_test 'halves(1 - now_, part' 'halves(now_, part'
# masks and widths
mutate lanes.h layer_norm cuda_layer_norm_test 'shuffle(sum, 0, kLanes)' 'shuffle(sum, 0, kLanes, 0x0000FFFFu)'
mutate lanes.h layer_norm cuda_layer_norm_test 'shuffle(sum, 0, kLanes)' 'shuffle(sum, 0)'
# off by one
mutate pooling.cu pooling cuda_pooling_test 't.offsets[b], t.offsets[b + 1],' 't.offsets[b], t.offsets[b + 1] + 1,'
mutate pooling.cu pooling cuda_pooling_test '(block_y() + 1) / kShares' '(block_y() + 1) / kShares + 1'
mutate attention.cu attention cuda_attention_test 'const float score = j < place.nk' 'const float score = j <= place.nk'
mutate attention_bf16.cu attention_bf16 cuda_attention_test 'row + r < n && column' 'row + r < n - 1 && column'
# dropout of a tile, drawn for four neighbours at once
mutate attention_place.h attention_bf16 cuda_attention_test 'at < 0 ? four >> -at : four << at' 'four << (at < 0 ? 0 : at)'
mutate attention_place.h attention cuda_attention_test 'low |= shuffle_xor(low, 2);' ''
mutate attention_place.h attention_bf16 cuda_attention_test '4 * k < skew + left' '4 * k < left'
mutate lstm.cu lstm cuda_recurrence_test 'slot < end + kSlack' 'slot < end + kSlack - 1'
mutate lstm_bf16.cu lstm_bf16 cuda_recurrence_test 'if (j < fed) f(' 'if (j < fed - 1) f('
mutate lstm_step.cu lstm_step cuda_lstm_step_test 'p < s.hidden; ++p' 'p < s.hidden - 1; ++p'
mutate rows.h embedding cuda_embedding_test 'begin + kAhead <= end; begin' 'begin + kAhead <= end + 1; begin'
mutate embedding.cu embedding cuda_embedding_test 'low += step;' 'low += step + 1;'
mutate embedding.cu embedding cuda_fused_test 'i * n + j), x)' 'i * width + j), x)'
mutate gemm.cu gemm cuda_gemm_test 'group.results[block_z()]' 'group.results[0]'
mutate embedding.cu embedding cuda_embedding_test 'first > begin && ids[order[first - 1]] == id' 'first > begin + 1 && ids[order[first - 1]] == id'

echo "$caught of $tried mutations caught"
[ "$caught" -eq "$tried" ]
