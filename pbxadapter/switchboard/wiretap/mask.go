package wiretap

import "bytes"

func masked(b []byte) []byte { return bytes.Clone(b) }
