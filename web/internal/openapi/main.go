// Openapi writes the description of the REST operations: openapi FILE.
package main

import (
	"fmt"
	"os"

	"farhook/web"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: openapi FILE")
	}
	text, err := web.OpenAPI()
	if err != nil {
		return err
	}
	return os.WriteFile(os.Args[1], text, 0o644)
}
