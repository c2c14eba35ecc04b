module weir/pkg/remotewrite

go 1.26.8

require (
	github.com/google/go-cmp v0.7.0
	github.com/klauspost/compress v1.20.3
	github.com/prometheus/prometheus v0.315.0
	google.golang.org/protobuf v1.36.12
	weir/pkg/golden v0.0.0
	weir/pkg/schema v0.0.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/grafana/regexp v0.0.0-20250905093917-f7b3be9d1853 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.71.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace weir/pkg/schema => ../schema

replace weir/pkg/golden => ../golden
