#!/usr/bin/env bash
# bench-acro.sh times ACRO on a table of microdata: a mean by year and grant type, judged. ACRO is
# installed in .cache for the run; where it can't be, that is said.
#   usage: deploy/bench-acro.sh MICRODATA.csv
set -uo pipefail
env=.cache/acro
if [ ! -x "$env/bin/python" ] || ! "$env/bin/python" -c 'import acro' 2>/dev/null; then
  python3 -m venv "$env" && "$env/bin/pip" -q install acro==1.0.2 >/dev/null 2>&1 || { echo "ACRO could not be installed here"; exit 0; }
fi
"$env/bin/python" - "$1" 2>/dev/null <<'PY' | tail -1
import logging, statistics, sys, time
logging.disable(logging.CRITICAL)
import pandas as pd
from acro import ACRO
data = pd.read_csv(sys.argv[1])
acro, took = ACRO(suppress=False), []
for _ in range(7):
    began = time.perf_counter()
    acro.crosstab(data.year, data.grant_type, values=data.inc_grants, aggfunc="mean")
    took.append(time.perf_counter() - began)
print("ACRO 1.0.2 crosstab of %d records, median of 7: %.1f ms" % (len(data), 1000 * statistics.median(took)))
PY
