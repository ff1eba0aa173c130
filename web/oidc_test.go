package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"farhook/web"
	"farhook/web/access"
)

// issuer is a small OpenID provider: it knows one account, whose claims a test sets.
type issuer struct {
	*httptest.Server
	mu     sync.Mutex
	key    *rsa.PrivateKey
	kid    int
	claims map[string]any
	forge  *rsa.PrivateKey       // signs in place of key, which is still the one that is published
	codes  map[string]url.Values // what the browser came with
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{codes: map[string]url.Values{}}
	i.rotate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: fmt.Sprint(i.kid), Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		q := r.URL.Query()
		code := rand.Text()
		i.codes[code] = q
		http.Redirect(w, r, q.Get("redirect_uri")+"?code="+code+"&state="+url.QueryEscape(q.Get("state"))+"&iss="+url.QueryEscape(i.URL)+"&scope=openid&authuser=0&prompt=none", http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { i.token(t, w, r) })
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// rotate makes a new key: the old one is gone.
func (i *issuer) rotate(t *testing.T) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	i.kid++
}

func (i *issuer) token(t *testing.T, w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	asked, known := i.codes[r.FormValue("code")]
	delete(i.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || id != "farhook" || secret != "s3cret" || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": i.URL, "aud": "farhook", "sub": "s-1", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": asked.Get("nonce")}
	for k, v := range i.claims {
		claims[k] = v
	}
	key := i.key
	if i.forge != nil {
		key = i.forge
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: fmt.Sprint(i.kid)}}, nil)
	if err != nil {
		t.Error(err)
		return
	}
	text, _ := json.Marshal(claims)
	signed, err := signer.Sign(text)
	if err != nil {
		t.Error(err)
		return
	}
	idToken, _ := signed.CompactSerialize()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": idToken})
}

// A browser signs in at the organisation's provider; groups become scopes, the telephone number becomes the own line.
func TestOpenIDConnect(t *testing.T) {
	i := newIssuer(t)
	var g *gateway
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // the address is known before the gateway is there
		to, _ := url.Parse(g.url)
		r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(front.Close)
	oidc := access.NewOIDC(access.OIDCConfig{
		Issuer: i.URL, ClientID: "farhook", ClientSecret: "s3cret", Redirect: front.URL + "/api/v1/sign-in/oidc/callback",
		Roles: []access.Role{
			{Group: "staff", Grant: access.Grant{Scopes: []access.Scope{access.ObserveParties, access.Control}}},
			{Group: "admins", Grant: access.Grant{Scopes: []access.Scope{access.Administer}, AllDevices: true}},
		},
	})
	g = startWith(t, access.Config{}, func(c *web.Config) { c.OIDC = oidc })
	browse := func() (*http.Client, *http.Response) {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &http.Client{Jar: jar}
		res, err := c.Get(g.url + "/api/v1/sign-in/oidc")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return c, res
	}
	session := func(c *http.Client) (int, string) {
		g.client = c
		status, _, text := g.do("GET", "/api/v1/session", "")
		return status, text
	}
	i.claims = map[string]any{"preferred_username": "ada", "groups": []string{"staff", "other"}, "phone_number": "+1 555 1001"}
	c, res := browse()
	if res.StatusCode != 200 || res.Request.URL.Path != "/" {
		t.Fatalf("the browser is at %s: %d", res.Request.URL, res.StatusCode)
	}
	if status, text := session(c); status != 200 || !strings.Contains(text, `"name":"ada"`) || !strings.Contains(text, `"tel:+15551001"`) || strings.Contains(text, "administer") || !strings.Contains(text, `"id":"oidc:s-1"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := g.do("GET", "/api/v1/devices", ""); status != 200 || strings.Count(text, `"deviceID"`) != 1 {
		t.Errorf("%d %s", status, text)
	}
	// A number that nobody has verified is what its user has written there.
	i.claims["phone_number_verified"] = false
	c, _ = browse()
	if status, text := session(c); status != 200 || strings.Contains(text, "1001") {
		t.Errorf("an own line that nobody has verified: %d %s", status, text)
	}
	i.claims["phone_number_verified"] = true
	c, _ = browse()
	if status, text := session(c); status != 200 || !strings.Contains(text, `"tel:+15551001"`) {
		t.Errorf("%d %s", status, text)
	}
	// The provider's key is replaced: the next sign-in is good all the same.
	i.rotate(t)
	i.claims["groups"] = []string{"staff", "admins"}
	c, _ = browse()
	if status, text := session(c); status != 200 || !strings.Contains(text, "administer") {
		t.Errorf("after the rotation: %d %s", status, text)
	}
	for name, claims := range map[string]map[string]any{
		"no group":        {"groups": []string{"visitors"}},
		"another nonce":   {"groups": []string{"staff"}, "nonce": "x"},
		"for another":     {"groups": []string{"staff"}, "aud": "somebody"},
		"expired":         {"groups": []string{"staff"}, "exp": time.Now().Add(-time.Hour).Unix()},
		"another issuer":  {"groups": []string{"staff"}, "iss": "https://evil.example"},
		"groups as a map": {"groups": map[string]any{"staff": true}},
	} {
		i.claims = claims
		c, res := browse()
		if status, _ := session(c); res.StatusCode != 401 || status != 401 {
			t.Errorf("%s: %d, then %d", name, res.StatusCode, status)
		}
	}
	// A token that somebody else has signed.
	forged, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.claims, i.forge = map[string]any{"groups": []string{"staff"}}, forged
	c, res = browse()
	if status, _ := session(c); res.StatusCode != 401 || status != 401 {
		t.Errorf("forged: %d, then %d", res.StatusCode, status)
	}
	// A callback that this browser didn't begin.
	g.client = &http.Client{}
	if status, _, text := g.do("GET", "/api/v1/sign-in/oidc/callback?state=x&code=y", ""); status != 401 || !strings.Contains(text, "not begun") {
		t.Errorf("%d %s", status, text)
	}
}
