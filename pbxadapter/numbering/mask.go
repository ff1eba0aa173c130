package numbering

// Masked is a number as it is shown to who may not see it, however it is written: with x in place of all digits but the last two.
func Masked(number string) string {
	b, kept := []byte(number), 0
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < '0' || b[i] > '9' {
			continue
		}
		if kept++; kept > 2 {
			b[i] = 'x'
		}
	}
	return string(b)
}
