#!/bin/sh
# What enters libmaque must load and run on any x86-64 or arm64 CPU: instructions beyond SSE2, or beyond ARMv8.0, occur
# only in the functions of the namespaces that are compiled for them, and nothing asks for the C++ runtime.
#   isa_gate.sh OBJDUMP NM LIBRARY.a...
set -eu
objdump=$1
nm=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Reads a disassembly; prints "NAME COUNT" of each instruction set inside its namespace, and "outside COUNT".
count_x86() {
  awk -v library="$1" '
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
    END {
      print "AVX2", inside2 + 0; print "AVX-512", inside512 + 0; print "VNNI", inside_vnni + 0
      print "AVX512_BF16", inside_bf16 + 0; print "outside", bad + 0
    }'
}

count_arm64() {
  awk -v library="$1" '
    function outside(what) { print library ": " function_name ": " what > "/dev/stderr"; bad++ }
    /^[0-9a-f]+ <.*>:$/ { function_name = substr($2, 2, length($2) - 3); next }
    { neon = function_name ~ /^_ZZ*N5maque4neon/ }
    neon && /v[0-9]+\.[0-9]+[bhsd]/ { inside_neon++ }
    $2 ~ /^[su]dot$/ { function_name ~ /^_ZZ*N5maque12neon_dotprod/ ? inside_dot++ : outside($0) }
    $2 ~ /^bf(dot|cvt|mmla|mlal)/ { function_name ~ /^_ZZ*N5maque9neon_bf16/ ? inside_bf16++ : outside($0) }
    # Products of bytes of both kinds (I8MM), atomics of ARMv8.1, half precision, SVE: nowhere.
    $2 ~ /^(us|su)dot$|^u?s?mmla$|^(cas|swp|ld(add|clr|eor|set|smax|smin|umax|umin)|st(add|clr|eor|set))/ { outside($0) }
    $2 ~ /^f/ && /v[0-9]+\.[48]h/ && $2 !~ /^fcvt/ { outside($0) }
    /[ \t,{]z[0-9]+\.|[ \t,]p[0-9]+\/[mz]/ { outside($0) }
    END {
      print "NEON", inside_neon + 0; print "dot-product", inside_dot + 0; print "bf16", inside_bf16 + 0
      print "outside", bad + 0
    }'
}

case "$("$objdump" -f "$1" | grep -m 1 architecture)" in
*aarch64*) count=count_arm64 expected=3 ;;
*) count=count_x86 expected=4 ;;
esac
for library in "$@"; do
  "$objdump" -d --no-show-raw-insn "$library" | $count "$(basename "$library")" >>"$work/counts"
  "$nm" "$library" 2>/dev/null | awk '
    NF >= 2 && $(NF - 1) ~ /^[UwW]$/ && $NF ~ /^(_Zn|_Zd|_ZSt|_ZNSt|_ZNKSt|_ZT|__cxa|__gxx|_Unwind|__dynamic_cast|_ZN10__cxxabi)/ {
      print $NF
    }' | sort -u | sed "s|^|$(basename "$library"): C++ runtime: |" >>"$work/symbols"
done

cat "$work/symbols" >&2
awk -v symbols="$(wc -l <"$work/symbols")" -v expected=$expected '
  { sum[$1] += $2 }
  END {
    sum["C++ runtime symbols"] = symbols
    for (name in sum) {
      print name ": " sum[name]
      if (name == "outside" || name == "C++ runtime symbols") bad += sum[name]
      else if (sum[name] > 50) found++
    }
    exit !(bad == 0 && found == expected)
  }' "$work/counts"
