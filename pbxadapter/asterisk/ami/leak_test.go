package ami

import (
	"testing"

	"go.uber.org/goleak"
)

// Nothing that the tests have started may be left at their end.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
