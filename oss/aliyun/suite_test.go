package aliyun_test

import (
	"testing"

	"parley/oss/aliyun"
	"parley/oss/aliyun/aliyuntest"
	"parley/oss/carry"
	"parley/oss/osstest"
)

// forever is more requests than a test makes.
const forever = 1 << 30

func TestABucketOfAliyunDoesWhatEveryProviderMust(t *testing.T) {
	t.Parallel()
	osstest.Run(t, func(t testing.TB) osstest.Fixture {
		fake := aliyuntest.New(t)
		carrier := carry.New(nil)
		t.Cleanup(carrier.Close)
		bucket, err := aliyun.New(fake.Bucket())
		if err != nil {
			t.Fatal(err)
		}
		return osstest.Fixture{
			Provider: bucket, Carrier: carrier,
			Get:     osstest.Reader(nil, bucket.Host("")),
			MinPart: 100 << 10,
			MaxKey:  aliyun.MaxKey,
			Faults: &osstest.Faults{
				Slow: fake.Faults.Hang,
				Fail: func() { fake.Faults.Cut(forever); fake.Faults.Fail(forever) },
				Heal: fake.Faults.Heal,
			},
		}
	})
}
