#!/bin/bash
# Replaces every `cpuid` of a library by `ud2`, in place, and writes their addresses to LIBRARY.sites: with
# native/limits/cpuid_cap.cc preloaded, the library then sees a processor without AVX-512.
#
#   benchmarks/cap.sh LIBRARY
set -eu
library=$1
# Address of the section with the code, and its place in the file.
read -r _ _ _ address _ place _ < <(objdump -h "$library" | grep -E '^ *[0-9]+ \.text ')
objdump -d --no-show-raw-insn -j .text "$library" | awk '$2 == "cpuid" { sub(":", "", $1); print $1 }' >"$library.sites"
while read -r site; do
  offset=$((0x$site - 0x$address + 0x$place))
  if [ "$(od -An -tx1 -j "$offset" -N 2 "$library")" != " 0f a2" ]; then
    echo "no cpuid at $site of $library" >&2
    exit 1
  fi
  printf '\x0f\x0b' | dd of="$library" bs=1 seek="$offset" conv=notrunc status=none
done <"$library.sites"
