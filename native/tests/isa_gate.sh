#!/bin/sh
# What enters libmaque must load and run on any x86-64: instructions beyond SSE2 occur only in the functions of
# maque::avx2 and maque::avx512, AVX-512's only in the latter, and nothing asks for the C++ runtime.
#   isa_gate.sh OBJDUMP NM LIBRARY.a...
set -eu
objdump=$1
nm=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for library in "$@"; do
  "$objdump" -d --no-show-raw-insn "$library" | awk -v library="$(basename "$library")" '
    /^[0-9a-f]+ <.*>:$/ { function_name = substr($2, 2, length($2) - 3); next }
    # VEX and EVEX mnemonics begin with v, those of mask registers with k; no older instruction used here does.
    $2 ~ /^v[a-z]/ || $2 ~ /^k[a-z]/ {
      avx512 = function_name ~ /^_ZZ*N5maque6avx512/
      avx2 = function_name ~ /^_ZZ*N5maque4avx2/
      if (avx512) { inside512++; next }
      if (!avx2) { print library ": " function_name ": " $2 > "/dev/stderr"; bad++; next }
      inside2++
      if ($0 ~ /%zmm|%k[0-7]|\{1to/) { print library ": " function_name ": " $0 > "/dev/stderr"; bad++ }
    }
    END { print inside2 + 0, inside512 + 0, bad + 0 }' >>"$work/counts"
  "$nm" "$library" 2>/dev/null | awk '
    NF >= 2 && $(NF - 1) ~ /^[UwW]$/ && $NF ~ /^(_Zn|_Zd|_ZSt|_ZNSt|_ZNKSt|_ZT|__cxa|__gxx|_Unwind|__dynamic_cast|_ZN10__cxxabi)/ {
      print $NF
    }' | sort -u | sed "s|^|$(basename "$library"): C++ runtime: |" >>"$work/symbols"
done

cat "$work/symbols" >&2
awk -v symbols="$(wc -l <"$work/symbols")" '
  { avx2 += $1; avx512 += $2; bad += $3 }
  END {
    print avx2 " AVX2 and " avx512 " AVX-512 instructions inside their namespaces, " bad " outside; " symbols \
      " symbols of the C++ runtime"
    exit !(bad == 0 && symbols == 0 && avx2 > 1000 && avx512 > 1000)
  }' "$work/counts"
