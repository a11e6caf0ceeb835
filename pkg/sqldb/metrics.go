package sqldb

import (
	"database/sql"

	"parley/pkg/metrics"
)

var (
	connections = metrics.NewGaugeSum("parley_sql_connections",
		"Connections to the database: pool is read or write, state is in_use or idle.", "pool", "state")
	connectionsMax = metrics.NewGaugeSum("parley_sql_connections_max",
		"How many connections a pool may have.", "pool")
	waitSeconds = metrics.NewCounterSum("parley_sql_wait_seconds_total",
		"How long statements waited for a connection, all together.", "pool")
	waits = metrics.NewCounterSum("parley_sql_waits_total",
		"How many statements waited for a connection.", "pool")
)

// measure has the pools of db asked until unmeasure is called.
func measure(db *DB) (unmeasure func()) {
	var all []func()
	for name, pool := range map[string]*sql.DB{"read": db.reader, "write": db.writer} {
		all = append(all,
			connections.Add(func() float64 { return float64(pool.Stats().InUse) }, name, "in_use"),
			connections.Add(func() float64 { return float64(pool.Stats().Idle) }, name, "idle"),
			connectionsMax.Add(func() float64 { return float64(pool.Stats().MaxOpenConnections) }, name),
			waitSeconds.Add(func() float64 { return pool.Stats().WaitDuration.Seconds() }, name),
			waits.Add(func() float64 { return float64(pool.Stats().WaitCount) }, name),
		)
	}
	return func() {
		for _, one := range all {
			one()
		}
	}
}
