package ops

import "parley/pkg/metrics"

var readyGauge = metrics.NewGaugeSum("parley_ready", "1 while the process takes traffic, as /readyz says; 0 while it starts, stops or misses what it needs.")
