module weir/e2e

go 1.26.8

require (
	weir/devices v0.0.0
	weir/pkg/schema v0.0.0
)

require (
	github.com/eclipse/paho.golang v0.23.0 // indirect
	github.com/eclipse/paho.mqtt.golang v1.5.1 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	golang.org/x/net v0.44.0 // indirect
	golang.org/x/sync v0.17.0 // indirect
)

replace (
	weir/devices => ../devices
	weir/pkg/schema => ../pkg/schema
)
