// Package csta is the vocabulary of farhook: the identifiers, messages and errors of ECMA-269 in the XML form of ECMA-323,
// and the codec between them and octets. They are the domain types everywhere, from the body of a SIP INFO to the answer of a
// REST call; there is no second model to translate into.
//
// The messages of the third edition are generated from the tables in csta/schema. Their members are in wire order. A missing
// optional member is nil, or the empty text where the type is textual; a list that is there but empty is not nil. A
// DeviceID element's attributes (typeOfNumber and the like) are read over: a device is what its text says.
//
// Decode reads any order of members, any prefix and the editions ed1 to ed6; Encode writes in schema order and in the edition
// asked for. Everything here is free of sockets, clocks and loggers, and safe for concurrent use unless it says otherwise.
package csta

//go:generate go run ./internal/gen .
