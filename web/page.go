package web

// page is the part of a sorted list that comes after a key, and the key to go on after; an empty one: there is no more.
func page[T any](all []T, key func(T) string, after string, limit int) (part []T, next string) {
	part = []T{}
	for _, x := range all {
		if key(x) <= after {
			continue
		}
		if len(part) == limit {
			return part, key(part[limit-1])
		}
		part = append(part, x)
	}
	return part, ""
}
