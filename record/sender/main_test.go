package sender

import (
	"testing"

	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m, "parley/record/") }
