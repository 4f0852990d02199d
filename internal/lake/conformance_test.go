package lake_test

import (
	"testing"

	"dip/internal/lake"
	"dip/internal/lake/laketest"
)

func TestLakeConforms(t *testing.T) {
	laketest.Conform(t, func(t *testing.T) laketest.Subject {
		s3, l := lake.Start(t)
		return laketest.Subject{Lake: l, Name: s3.Name, Put: s3.Put, Delete: s3.Delete}
	})
}
