module weir/pkg/metrics

go 1.26.8

require (
	github.com/VictoriaMetrics/metrics v1.35.1
	github.com/google/go-cmp v0.7.0
	github.com/prometheus/client_golang v1.24.1
)

require (
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.70.1 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
