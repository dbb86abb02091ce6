#!/bin/sh
# What enters libmaque must load and run on any x86-64: instructions beyond SSE2 occur only in the functions of
# maque::avx2 and maque::avx512*, AVX-512's only in the latter, VNNI's in avx512vnni and AVX512_BF16's in avx512bf16
# alone, and nothing asks for the C++ runtime.
#   isa_gate.sh OBJDUMP NM LIBRARY.a...
set -eu
objdump=$1
nm=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for library in "$@"; do
  "$objdump" -d --no-show-raw-insn "$library" | awk -v library="$(basename "$library")" '
    function outside(what) { print library ": " function_name ": " what > "/dev/stderr"; bad++ }
    /^[0-9a-f]+ <.*>:$/ { function_name = substr($2, 2, length($2) - 3); next }
    # VEX and EVEX mnemonics begin with v, those of mask registers with k; no older instruction used here does.
    $2 ~ /^v[a-z]/ || $2 ~ /^k[a-z]/ {
      vnni = function_name ~ /^_ZZ*N5maque10avx512vnni/
      bf16 = function_name ~ /^_ZZ*N5maque10avx512bf16/
      avx512 = vnni || bf16 || function_name ~ /^_ZZ*N5maque6avx512/
      if ($2 ~ /^vpdp/) { vnni ? inside_vnni++ : outside($0) }
      if ($2 ~ /bf16/) { bf16 ? inside_bf16++ : outside($0) }
      avx2 = function_name ~ /^_ZZ*N5maque4avx2/
      if (avx512) { inside512++; next }
      if (!avx2) { outside($2); next }
      inside2++
      if ($0 ~ /%zmm|%k[0-7]|\{1to/) outside($0)
    }
    END { print inside2 + 0, inside512 + 0, inside_vnni + 0, inside_bf16 + 0, bad + 0 }' >>"$work/counts"
  "$nm" "$library" 2>/dev/null | awk '
    NF >= 2 && $(NF - 1) ~ /^[UwW]$/ && $NF ~ /^(_Zn|_Zd|_ZSt|_ZNSt|_ZNKSt|_ZT|__cxa|__gxx|_Unwind|__dynamic_cast|_ZN10__cxxabi)/ {
      print $NF
    }' | sort -u | sed "s|^|$(basename "$library"): C++ runtime: |" >>"$work/symbols"
done

cat "$work/symbols" >&2
awk -v symbols="$(wc -l <"$work/symbols")" '
  { avx2 += $1; avx512 += $2; vnni += $3; bf16 += $4; bad += $5 }
  END {
    print avx2 " AVX2, " avx512 " AVX-512, " vnni " VNNI and " bf16 " AVX512_BF16 instructions inside their namespaces, " \
      bad " outside; " symbols " symbols of the C++ runtime"
    exit !(bad == 0 && symbols == 0 && avx2 > 1000 && avx512 > 1000 && vnni > 100 && bf16 > 100)
  }' "$work/counts"
