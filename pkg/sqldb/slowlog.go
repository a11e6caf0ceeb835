package sqldb

import (
	"context"
	"time"

	"github.com/zeromicro/go-zero/core/logx"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// slowLog is gorm's logger: silent but for statements that take too long. It
// never sees a value, since values are message bodies and names of people.
// Errors are not logged here, whoever gets them knows better what they mean.
type slowLog struct{ threshold time.Duration }

var (
	_ logger.Interface  = slowLog{}
	_ gorm.ParamsFilter = slowLog{}
)

// maxLoggedSQL cuts statements with hundreds of placeholders short.
const maxLoggedSQL = 300

func (l slowLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (slowLog) Info(context.Context, string, ...any)  {}
func (slowLog) Warn(context.Context, string, ...any)  {}
func (slowLog) Error(context.Context, string, ...any) {}

// ParamsFilter takes the values away before gorm puts them into the text.
func (slowLog) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) {
	return sql, nil
}

func (l slowLog) Trace(ctx context.Context, begin time.Time, statement func() (sql string, rows int64), _ error) {
	took := time.Since(begin)
	if took < l.threshold {
		return
	}
	sql, rows := statement()
	logx.WithContext(ctx).WithDuration(took).Slowf("slow statement, %d rows: %s", rows, shortened(sql))
}

// shortened is the beginning of a statement.
func shortened(sql string) string {
	if len(sql) > maxLoggedSQL {
		return sql[:maxLoggedSQL] + "…"
	}
	return sql
}
