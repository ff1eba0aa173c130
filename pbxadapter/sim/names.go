package sim

import "fmt"

var first = [...]string{
	"Ada", "Bruno", "Clara", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leo", "Maren", "Nils", "Olga", "Paul", "Quinn",
	"Rosa", "Sami", "Tilda", "Umar", "Vera", "Willem", "Yuki",
}

var last = [...]string{
	"Brandt", "Costa", "Dahl", "Egger", "Fischer", "Grau", "Haas", "Ivanov", "Jensen", "Keller", "Lindt", "Moreau", "Novak", "Okafor", "Petit",
	"Rossi", "Sato", "Tanaka", "Ulrich", "Vidal", "Weber", "Xu", "Young", "Zimmer",
}

// name is whose phone an extension is.
func name(ext int) string {
	n := ext - firstExt
	round := n / (len(first) * len(last))
	s := first[n%len(first)] + " " + last[(n+n/len(first))%len(last)]
	if round > 0 {
		s += fmt.Sprintf(" %d", round+1)
	}
	return s
}
