// Package e2e has the scenarios that the product must pass as a black box: the
// real binary, real MQTT clients, real kills. It is tests only.
package e2e
