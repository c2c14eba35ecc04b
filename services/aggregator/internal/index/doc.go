// Package index finds tracks by labels: for each label and each field the
// ascending list of the tracks that have it. It answers Prometheus' matchers as
// Prometheus does, a track with n fields standing for n series whose names are
// those of its fields. Which field has which name is not the index's to know:
// see Names.
//
// It is pure, and it is not locked: any number may read it while nobody
// changes it.
package index
