// Package decode turns the messages of Propeller's proplets, of SPORE's nodes
// and of DataMgmt's nodes into readings, what our own rules recorded, and what is
// pushed over HTTP or fetched by ingest: metrics as text or in protobuf, FIWARE's
// notifications, InfluxDB's lines, remote writes, probes. What names its values
// itself is read by packages of its own; ParseEvent says which. What comes on other
// topics is read by the mappings in force, if one is for it: see ParseMapped.
//
// It is pure: ingest runs it to answer the device, the fold runs it again to
// count the event, and both come to the same verdict. The topic gives the
// tenant, for SPORE a name where the payload has none, and for DataMgmt the
// name; what a message is, and in which dialect, is decided by the payload's
// shape. Where a measured value stands under which name is data: see
// taskAliases, propletAliases, sporeAliases and dataNodeAliases.
//
// What the decoders of our own shapes have in common:
//
//   - Unknown fields are ignored, null is the same as absent.
//   - Of a name that is repeated in one object the last one counts, as in
//     encoding/json; of two names for one value the first in the alias table.
//   - A measured value may be written as an integer or as a float; anything
//     that is not a finite number rejects the event.
//   - A timestamp never rejects an event: see Clock in package schema.
//   - What is accepted is valid JSON.
//
// The messages of testdata/messages are those of the sources' documents and
// code, with the topic of each in topics.json.
package decode
