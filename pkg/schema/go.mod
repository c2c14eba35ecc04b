module weir/pkg/schema

go 1.26.8

require (
	github.com/klauspost/compress v1.20.3
	github.com/prometheus/client_model v0.6.3
	github.com/valyala/fastjson v1.6.10
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/google/go-cmp v0.7.0
	github.com/influxdata/line-protocol/v2 v2.2.1
	go.yaml.in/yaml/v3 v3.0.6
	weir/pkg/golden v0.0.0
)

replace weir/pkg/golden => ../golden
