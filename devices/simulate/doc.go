// Package simulate plays a fleet of devices: SPORE nodes, proplets with tasks,
// boards with sensors and DataMgmt nodes, which publish over MQTT, each on a
// connection of its own, and answer over HTTP, with values that follow a day's
// course and a seed. Scenes befall the fleet: rollouts, outages, storms.
//
// It counts what it sends and what is acknowledged, so that it can be compared
// with what the server says it got. Beside the devices it plays a SPORE gateway.
//
// The package knows of the server nothing but its address and its topics.
package simulate
