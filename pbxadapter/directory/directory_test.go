package directory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	. "farhook/pbxadapter/directory"
)

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"sip:alice@example.com": "sip:alice@example.com", "SIP:Alice@Example.COM": "sip:alice@example.com", "sips:alice@example.com:5061;transport=tls": "sip:alice@example.com",
		`"Alice" <sip:alice@example.com;user=phone>;tag=1`: "sip:alice@example.com", "alice@example.com": "sip:alice@example.com", " sip:a@b ": "sip:a@b",
		"sip:alice@example.com?subject=x": "sip:alice@example.com", "tel:+15551001": "", "": "", "sip:@b": "", "sip:a@": "", "sip:a@b@c": "", "sip:a b@c": "",
		"sip:a\r\nb@c": "", "sip:ä@b": "", "sip:" + strings.Repeat("a", 300) + "@b": "", "mailto:a@b": "",
	} {
		if got := Address(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// write makes a file of that name.
func write(t testing.TB, name, text string) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return File(path)
}

func TestFiles(t *testing.T) {
	want := []Person{
		{
			User: "sip:alice@example.com", Name: "Alice Ä.", Lines: []string{"tel:+15551001;ext=1001", "tel:+15551009"}, Aliases: []string{"1001", "+1 (999) 1001"},
			Mail: "alice@example.com", Department: "Sales, North", Delegates: []string{"sip:bob@example.com"}, LineServer: "sip:farhook@rcc.example.com",
		},
		{User: "sip:bob@example.com", Lines: []string{"tel:+15551002"}},
		{Name: "Front door", Aliases: []string{"1099"}},
	}
	for name, f := range map[string]File{
		"YAML": write(t, "u.yaml", `# people
---
- user: sip:alice@example.com
  name: Alice Ä.
  lines:
    - tel:+15551001;ext=1001
    - tel:+15551009
  aliases: ["1001", "+1 (999) 1001"]
  mail: alice@example.com
  department: "Sales, North"
  delegates: [bob@example.com]
  line_server: sip:farhook@rcc.example.com

- {user: Bob@example.com, lines: ['tel:+15551002']}
- name: Front door
  aliases: ["1099"]
`),
		"CSV": write(t, "u.csv", "\ufeffUser,Name,Lines,Aliases,Mail,Department,Delegates,line_server\r\n"+
			"sip:alice@example.com,Alice Ä.,tel:+15551001;ext=1001|tel:+15551009,1001|+1 (999) 1001,alice@example.com,\"Sales, North\",bob@example.com,sip:farhook@rcc.example.com\r\n"+
			"bob@example.com,,tel:+15551002,,,,,\r\n,Front door,,1099,,,,\r\n"),
		"CSV with semicolons": write(t, "v.csv", "user;name;lines;aliases;mail;department;delegates;line_server\n"+
			"alice@example.com;Alice Ä.;\"tel:+15551001;ext=1001|tel:+15551009\";1001|+1 (999) 1001;alice@example.com;Sales, North;bob@example.com;sip:farhook@rcc.example.com\n"+
			"bob@example.com;;tel:+15551002;;;;;\n;Front door;;1099;;;;\n"),
	} {
		d := New(Options{}, f)
		if err := d.Load(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v := d.View()
		got := append([]Person(nil), v.People...)
		for i := range got {
			if got[i].From == "" {
				t.Errorf("%s: %+v stands nowhere", name, got[i])
			}
			got[i].From = ""
		}
		if diff := cmp.Diff(want, got); diff != "" || len(v.Problems) > 0 {
			t.Errorf("%s: %s %v", name, diff, v.Problems)
		}
	}
}

// A file that can't be read says where and why, and a broken entry costs itself alone.
func TestFilesRefuse(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"an unknown key", "u.yaml", "- user: a@b\n- user: c@d\n  lnies: []\n", `u.yaml: the entry at line 2: unknown field "lnies"`},
		{"no list", "u.yaml", "users:\n  - user: a@b\n", "line 1: a list of entries is wanted"},
		{"not YAML", "u.yaml", "- user: [\n", "the entry at line 1:"},
		{"a wrong type", "u.yaml", "- user: {a: b}\n", "the entry at line 1:"},
		{"an endless entry", "u.yaml", "- name: a\n" + strings.Repeat("  # x\n", 200_000), "the entry at line 1 has more than 1 MiB"},
		{"an unknown column", "u.csv", "user,colour\n", `line 1: "colour" is no column`},
		{"an empty CSV", "u.csv", "", "no head"},
		{"a row too long", "u.csv", "user,name\na@b,c,d\n", "line 2"},
		{"an open quote", "u.csv", "user,name\n\"a@b,c\n", "line 2"},
		{"another ending", "u.txt", "", "must end in .yaml or .csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := New(Options{}, write(t, c.file, c.text)).Load(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if err := New(Options{}, File("/nowhere/u.yaml")).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	d := New(Options{}, write(t, "u.yaml", `- {user: alice@example.com, lines: ["tel:+1555\r\nVia: x", "tel:+15551001"], aliases: ["١٠٠١"], delegates: [nobody]}
- {user: "sip:bob\n@x", name: Bob, aliases: ["1002"]}
- {user: nobody at all}
`))
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := d.View()
	if len(v.People) != 2 || v.People[0].Lines[0] != "tel:+15551001" || v.People[1].Name != "Bob" || v.People[1].User != "" {
		t.Errorf("%+v", v.People)
	}
	if len(v.Problems) != 5 || !strings.Contains(v.Problems[0].String(), `u.yaml:1: line: "tel:+1555\r\nVia: x": numbering:`) {
		t.Error(v.Problems)
	}
}

// One person by every number, and nobody where several have it.
func TestViewNumber(t *testing.T) {
	d := New(Options{}, List{
		{User: "a@x", Name: "A", Lines: []string{"tel:+15551000;ext=1001"}, Aliases: []string{"1001", "+49 (0)30 1234", "*12"}},
		{User: "b@x", Name: "B", Lines: []string{"tel:+15551000;ext=1002", "tel:5150;phone-context=dialstring"}, Aliases: []string{"1007"}},
		{User: "c@x", Name: "C", Lines: []string{"tel:+15551003;device=SEP001"}, Aliases: []string{"1007", "301234"}},
		{User: "d@x", Name: "D", Lines: []string{"15551003"}},
	})
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]string{
		"tel:+15551000;ext=1001": "A", "tel:+15551000;ext=1002": "B", "tel:+15551000": "", "tel:+15551000;ext=1009": "", "1001": "A", "tel:+49301234": "A",
		"tel:+49-30-1234": "A", "*12": "A", "5150": "B", "tel:5150;phone-context=dialstring": "B", "tel:+15551003": "C", "15551003": "D", "301234": "C", "sip:+15551003@x": "C", "1007": "", "1008": "", "x": "",
	} {
		p, ok := d.View().Number(number)
		if got := map[bool]func() string{true: func() string { return p.Name }, false: func() string { return "" }}[ok](); got != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
}

// moody is a source that gives what it has, or its error.
type moody struct {
	mu     sync.Mutex
	people []Person
	err    error
	loads  int
}

func (*moody) Name() string { return "moody" }

// set has other people and another mood from now on.
func (m *moody) set(err error, people ...Person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people, m.err = people, err
}

func (m *moody) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.loads
}

func (m *moody) Load(_ context.Context, f func(Person)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	for _, p := range m.people {
		f(p)
	}
	return m.err
}

// What was known stays while a source fails, which is asked again soon; and one that suddenly knows nobody is not believed.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &moody{people: []Person{{User: "sip:a@x"}, {User: "sip:b@x"}}}
		d := New(Options{Refresh: 10 * time.Minute}, m)
		if err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = d.Run(ctx) }()
		changed := d.Changed()
		m.set(nil, Person{User: "sip:a@x"})
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		if len(d.View().People) != 2 || m.asked() != 1 {
			t.Error("loaded too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		select {
		case <-changed:
		default:
			t.Error("nobody was told")
		}
		if len(d.View().People) != 1 {
			t.Error("not loaded after the interval")
		}
		m.set(errors.New("gone"), Person{User: "sip:c@x"}) // fails after half of it
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if _, ok := d.View().User("sip:a@x"); !ok || d.View().Sources[0].Err == nil {
			t.Errorf("half an answer counted: %+v", d.View())
		}
		loads := m.asked()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := m.asked() - loads; n < 3 || n > 5 {
			t.Errorf("asked %d times in a minute", n)
		}
		m.set(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if _, ok := d.View().User("sip:a@x"); !ok {
			t.Error("everybody gone at once was believed")
		}
		m.set(nil, Person{User: "sip:d@x"})
		d.Refresh()
		synctest.Wait()
		if _, ok := d.View().User("sip:d@x"); !ok || d.View().Sources[0].Err != nil {
			t.Errorf("not loaded when asked to: %+v", d.View())
		}
		stop()
	})
}

// stuck is a source that never answers, until its time is up.
type stuck struct{ moody }

func (*stuck) Load(ctx context.Context, _ func(Person)) error { <-ctx.Done(); return ctx.Err() }

// A directory that hangs doesn't hold up the start where there is a copy: its people are there after a short while. It is asked again soon, not after the
// interval, and then at growing distances, which end with the interval.
func TestStartWithoutSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		if err := New(Options{Folder: folder}, &moody{people: []Person{{User: "sip:a@x"}}}).Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		d := New(Options{Folder: folder, Start: 10 * time.Second, Limit: 2 * time.Minute}, &stuck{})
		if err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 10*time.Second || len(d.View().People) != 1 {
			t.Errorf("the start took %v, with %d people", took, len(d.View().People))
		}
		began = time.Now()
		if err := New(Options{Start: 10 * time.Second, Limit: 2 * time.Minute}, &stuck{}).Load(t.Context()); err == nil || time.Since(began) != 2*time.Minute {
			t.Errorf("without a copy: %v after %v", err, time.Since(began))
		}

		m := &moody{err: errors.New("gone")}
		d = New(Options{Folder: folder, Refresh: time.Minute}, m)
		if err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = d.Run(ctx) }()
		var at []time.Duration
		began = time.Now()
		for n := m.asked(); len(at) < 7; time.Sleep(time.Second) {
			synctest.Wait()
			if now := m.asked(); now > n {
				n, at = now, append(at, time.Since(began))
			}
		}
		want := []time.Duration{5, 15, 35, 75, 135, 195, 255} // s: after 5, 10, 20, 40, and then the interval
		for i := range want {
			if got := at[i].Round(time.Second); got != want[i]*time.Second {
				t.Errorf("asked after %v", at)
				break
			}
		}
	})
}

// Several sources: the first that knows a user says who he is, the others add numbers.
func TestSeveralSources(t *testing.T) {
	d := New(Options{}, List{{User: "a@x", Name: "A", Lines: []string{"1001"}}}, &moody{people: []Person{{User: "sip:a@x", Name: "Other", Lines: []string{"1009"}, Aliases: []string{"+1999"}}, {User: "sip:b@x"}}})
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, ok := d.View().Number("+1999"); !ok || p.Name != "A" || !slices.Equal(p.Lines, []string{"1001"}) || len(d.View().People) != 2 {
		t.Errorf("%+v", d.View().People)
	}
	if p, ok := d.View().Number("1009"); !ok || p.Name != "A" {
		t.Errorf("the line that only the second source knows is no number of his: %+v", d.View().People)
	}
}

// What one source says anew of somebody whom several know doesn't change a View that is in use.
func TestViewsOfSeveralSourcesStay(t *testing.T) {
	more := &moody{people: []Person{{User: "sip:a@x", Aliases: []string{"1"}}}}
	d := New(Options{Refresh: time.Millisecond}, List{{User: "a@x", Name: "A", Aliases: []string{"11", "12", "13", "14", "15"}}}, more)
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := d.View()
	more.set(nil, Person{User: "sip:a@x", Aliases: []string{"2"}})
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for v, want := range map[*View]string{old: "11 12 13 14 15 1", d.View(): "11 12 13 14 15 2"} {
		if got := strings.Join(v.People[0].Aliases, " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Each number is one of a person's once, and a line is no alias.
func TestNumbersOnce(t *testing.T) {
	d := New(Options{}, List{{User: "a@x", Lines: []string{"1001", " 1001"}, Aliases: []string{"1001", "1002", "1002 "}}})
	if err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := d.View().People[0]; !slices.Equal(p.Lines, []string{"1001"}) || !slices.Equal(p.Aliases, []string{"1002"}) {
		t.Errorf("%q %q", p.Lines, p.Aliases)
	}
}

// The last good copy: what is whole in it is used; damage is left out; another form is left alone.
func TestCopy(t *testing.T) {
	folder := t.TempDir()
	m := &moody{}
	for i := range 100 {
		m.people = append(m.people, Person{User: fmt.Sprintf("sip:u%d@x", i), Name: fmt.Sprint("U ", i), Lines: []string{fmt.Sprint(1000 + i)}})
	}
	if err := New(Options{Folder: folder}, m).Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	dead := &moody{err: errors.New("dead")}
	again := func() *View {
		t.Helper()
		d := New(Options{Folder: folder}, dead)
		if err := d.Load(t.Context()); err != nil {
			return nil
		}
		return d.View()
	}
	if v := again(); v == nil || len(v.People) != 100 || v.People[7].Lines[0] != "1007" || v.Sources[0].Err == nil || v.Sources[0].At.IsZero() {
		t.Fatalf("%+v", v)
	}
	file := filepath.Join(folder, "directory-moody.jsonl")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		text  string
		count int // -1: none
	}{
		{"cut in the middle", string(good[:len(good)/2]), 50},
		{"a broken line", strings.Replace(string(good), `{"user":"sip:u5@x"`, `{"user":`, 1), 99},
		{"a line without end", strings.Replace(string(good), "U 5\"", strings.Repeat("x", 600_000)+"\"", 1), 99},
		{"a hostile line", strings.Replace(string(good), `"sip:u5@x"`, `"sip:u5@x\r\nVia: x"`, 1), 100},
		{"another form", strings.Replace(string(good), `"farhookDirectory":1`, `"farhookDirectory":2`, 1), -1},
		{"another source's", strings.Replace(string(good), `"source":"moody"`, `"source":"ldap"`, 1), -1},
		{"empty", "", -1},
		{"zeros", string(make([]byte, 4096)), -1},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		v := again()
		if (v == nil) != (c.count < 0) || v != nil && (len(v.People) < c.count-1 || len(v.People) > c.count) {
			t.Errorf("%s: %v", c.name, v != nil)
		}
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	// A folder that can't be written to is no reason to fail.
	if err := New(Options{Folder: filepath.Join(folder, "none")}, m).Load(t.Context()); err != nil {
		t.Error(err)
	}
}
