module weir/devices

go 1.26.8

require (
	github.com/google/go-cmp v0.7.0
	github.com/mochi-mqtt/server/v2 v2.7.9
	go.uber.org/goleak v1.3.0
	weir/pkg/schema v0.0.0
)

replace weir/pkg/schema => ../pkg/schema
