#!/bin/sh
# Formats the native code; with --check only says what is not formatted. Versions of clang-format differ in detail: 14 counts.
set -eu
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format || true)
case "$([ -z "$tool" ] || "$tool" --version)" in
*"version 14."*) ;;
*)
  echo "clang-format 14 is not installed"
  exit 77
  ;;
esac
options=-i
[ "${1:-}" != --check ] || options='--dry-run -Werror'
# shellcheck disable=SC2086  # two words
find native java/jni \( -name '*.h' -o -name '*.cc' -o -name '*.cu' \) -print0 | xargs -0 "$tool" $options
