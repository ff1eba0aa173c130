// Package console holds the browser console as it is served: the built assets, so that building farhook needs Go alone. The source
// is in src; `npm ci && npm run build` makes dist from it, octet for octet, and CI checks that.
package console

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files is the built console, index.html at its root. What lies under assets/ has the hash of its content in its name and may be
// cached forever; all else may not. The page needs nothing from elsewhere and nothing inline, so it can be served with the
// Content-Security-Policy "default-src 'self'". Files is read-only and safe for concurrent use.
var Files = root()

func root() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is constant and valid
	}
	return sub
}
