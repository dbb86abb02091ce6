# The facts of benchmarks/gpu/run.sh, tab-separated lines, as JSON (into the file `json`) and as a table:
#   meta KEY VALUE     stage NAME STATUS DETAIL     row TASK CONTENDER SECONDS WORK     failed TASK CONTENDER WHY
function quote(text) {
  gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[\001-\037]/, " ", text)
  return "\"" text "\""
}
# The middle of the n values of a row, sorted by insertion.
function median(key, n,    i, j, x, sorted) {
  for (i = 1; i <= n; ++i) {
    x = seconds[key, i]
    for (j = i - 1; j >= 1 && sorted[j] > x; --j) sorted[j + 1] = sorted[j]
    sorted[j + 1] = x
  }
  return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}
function time_of(task, contender) { return ((task, contender) in best) ? best[task, contender] : 0 }
# Milliseconds, or what stands where there are none.
function shown(task, contender,    x) {
  x = time_of(task, contender)
  if (x) return sprintf("%.4g", 1000 * x)
  return ((task, contender) in why) ? "failed" : "-"
}
function rate(task, contender) { return time_of(task, contender) ? work[task] / best[task, contender] : 0 }
function larger(a, b) { return a > b ? a : b }
function goal_of(task) {
  if (task ~ /^teacher_step/ || task ~ /^student_step/) return "1.5 x"
  if (task == "teacher_score") return "2 x"
  if (task ~ /^attention/) return "60 %"
  return ""
}
# The share of the device's own measured limit.
function share_of(task) {
  if (task ~ /^probe|student_step.*fp32$/) return 0
  if (task == "gemm_fp32") return fma ? rate(task, "maque") / fma : 0
  return tensor ? rate(task, "maque") / tensor : 0
}

BEGIN { FS = "\t"; split("cublaslt pytorch pytorch_sorted", peers, " ") }
$1 == "meta" { if (!($2 in meta)) keys[++key_count] = $2; meta[$2] = $3 }
$1 == "stage" { stages[++stage_count] = $2; stage_status[$2] = $3; stage_detail[$2] = $4 }
$1 == "failed" { why[$2, $3] = $4; failures[++failure_count] = $2 SUBSEP $3 }
$1 == "row" {
  key = $2 SUBSEP $3
  if (!(key in count)) { order[++row_count] = key }
  if (!($2 in named)) { named[$2] = 1; tasks[++task_count] = $2 }
  seconds[key, ++count[key]] = $4 + 0
  if (!(key in best) || $4 + 0 < best[key]) best[key] = $4 + 0
  if ($5 + 0 > 0) work[$2] = $5 + 0
}
END {
  tensor = larger(rate("probe_tensor", "maque"), larger(rate("gemm_large", "cublaslt"), rate("gemm_large", "pytorch")))
  fma = rate("probe_fma", "maque")
  bandwidth = rate("probe_read", "maque")

  printf "{" >json
  for (i = 1; i <= key_count; ++i) printf "%s: %s,\n ", quote(keys[i]), quote(meta[keys[i]]) >json
  printf "\"peaks\": {\"tensor_tflops\": %.6g, \"mma_sync_tflops\": %.6g, \"fp32_tflops\": %.6g, \"read_gb_per_s\": %.6g},\n", \
    tensor / 1e12, rate("probe_tensor", "maque") / 1e12, fma / 1e12, bandwidth / 1e9 >json
  printf " \"stages\": [" >json
  for (i = 1; i <= stage_count; ++i)
    printf "%s\n  {\"name\": %s, \"status\": %s, \"detail\": %s}", (i > 1 ? "," : ""), quote(stages[i]), \
      quote(stage_status[stages[i]]), quote(stage_detail[stages[i]]) >json
  printf "],\n \"rows\": [" >json
  for (i = 1; i <= row_count; ++i) {
    split(order[i], part, SUBSEP)
    printf "%s\n  {\"task\": %s, \"contender\": %s, \"min_s\": %.6g, \"median_s\": %.6g, \"rounds\": %d, \"work\": %.6g}", \
      (i > 1 ? "," : ""), quote(part[1]), quote(part[2]), best[order[i]], median(order[i], count[order[i]]), \
      count[order[i]], work[part[1]] >json
  }
  printf "],\n \"failures\": [" >json
  for (i = 1; i <= failure_count; ++i) {
    split(failures[i], part, SUBSEP)
    printf "%s\n  {\"task\": %s, \"contender\": %s, \"why\": %s}", (i > 1 ? "," : ""), quote(part[1]), quote(part[2]), \
      quote(why[failures[i]]) >json
  }
  printf "],\n \"ratios\": [" >json

  printf "\n%s%s\n\n", meta["device"], meta["dry"] ? ": a dry run, figures mean nothing" : ""
  for (i = 1; i <= stage_count; ++i)
    printf "- %s: %s%s\n", stages[i], stage_status[stages[i]], \
      stage_detail[stages[i]] != "" ? " (" stage_detail[stages[i]] ")" : ""
  printf "- products: %s\n- PyTorch: %s\n", meta["products"], meta["pytorch"]
  printf "- measured limits: tensor cores %.4g TFLOP/s (mma.sync alone %.4g), fp32 %.4g TFLOP/s, reads %.4g GB/s\n\n", \
    tensor / 1e12, rate("probe_tensor", "maque") / 1e12, fma / 1e12, bandwidth / 1e9
  print "Milliseconds, best round; the ratio is that of the best peer's to Maque's."
  print ""
  print "| task | Maque | share of limit | cuBLASLt | PyTorch | PyTorch, sorted | ratio | goal |"
  print "|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= task_count; ++i) {
    task = tasks[i]
    if (task ~ /^probe/) continue
    peer = 0; peer_name = ""
    for (p = 1; p <= 3; ++p) {
      x = time_of(task, peers[p])
      if (x && (!peer || x < peer)) { peer = x; peer_name = peers[p] }
    }
    mine = time_of(task, "maque")
    share = share_of(task)
    ratio = mine && peer ? peer / mine : 0
    printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", task, shown(task, "maque"), \
      share ? sprintf("%.1f %%", 100 * share) : "-", shown(task, "cublaslt"), shown(task, "pytorch"), \
      shown(task, "pytorch_sorted"), ratio ? sprintf("%.2f", ratio) : "-", goal_of(task)
    printf "%s\n  {\"task\": %s, \"peer\": %s, \"ratio\": %.6g, \"share\": %.6g, \"goal\": %s}", written++ ? "," : "", \
      quote(task), quote(peer_name), ratio, share, quote(goal_of(task)) >json
  }
  printf "]}\n" >json
  if (failure_count) print ""
  for (i = 1; i <= failure_count; ++i) {
    split(failures[i], part, SUBSEP)
    printf "- %s, %s: failed: %s\n", part[1], part[2], why[failures[i]]
  }
}
