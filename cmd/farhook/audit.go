package main

import (
	"fmt"
	"os"
	"time"

	"farhook/pbxadapter/switchboard/audit"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check that the record FILE is as it was written: no line changed, taken out or put in."`
}

type auditVerifyCmd struct {
	File string   `arg:"" help:"The record, as configured under audit.file."`
	Head []string `placeholder:"HASH" help:"A head that was printed before: the record must still go back to it. So one that was cut off or made anew is found, too."`
}

// Run of audit verify.
func (v *auditVerifyCmd) Run(s *streams) error {
	f, err := os.Open(v.File)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := audit.Verify(f, v.Head...)
	if err != nil {
		if r.Entries > 0 {
			return fmt.Errorf("%s: %w (the %d entries before it are as they were written)", v.File, err, r.Entries)
		}
		return fmt.Errorf("%s: %w", v.File, err)
	}
	fmt.Fprintf(s.out, "%s: whole, %d entries", v.File, r.Entries)
	if r.Entries > 0 {
		fmt.Fprintf(s.out, " from %s to %s", r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339))
	}
	fmt.Fprintln(s.out)
	if r.Torn > 0 {
		fmt.Fprintf(s.out, "%d lines were written in part: the machine went down, or the disk was full\n", r.Torn)
	}
	if r.Lost > 0 {
		fmt.Fprintf(s.out, "%d entries could not be written, by the record's own account\n", r.Lost)
	}
	if r.Head != "" {
		fmt.Fprintf(s.out, "head %s (kept elsewhere, and given with --head another time, it also shows a record that was cut off or made anew)\n", r.Head)
	}
	return nil
}
