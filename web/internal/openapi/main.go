// Openapi writes the description of the REST operations, and beside it asyncapi.yaml, that of the streams: openapi FILE.
package main

import (
	"fmt"
	"os"
	"path/filepath"

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
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil {
		return err
	}
	if text, err = web.AsyncAPI(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(filepath.Dir(os.Args[1]), "asyncapi.yaml"), text, 0o644)
}
