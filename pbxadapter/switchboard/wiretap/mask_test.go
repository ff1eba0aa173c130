package wiretap_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"farhook/pbxadapter/switchboard/wiretap"
)

// shown is a message as Find gives it.
func shown(layer wiretap.Layer, text string) string {
	tap := wiretap.New(1<<20, time.Hour)
	tap.Record(wiretap.Record{Layer: layer, Text: []byte(text)})
	return string(tap.Find(wiretap.Filter{})[0].Text)
}

func TestSecrets(t *testing.T) {
	const hash = "d41d8cd98f00b204e9800998ecf8427e"
	for _, test := range []struct {
		name  string
		layer wiretap.Layer
		text  string
		want  string
	}{
		{
			"digest", wiretap.SIP,
			"INVITE sip:a@b SIP/2.0\r\nAuthorization: Digest username=\"a\", response=\"" + hash + "\"\r\nCall-ID: x\r\n\r\n",
			"INVITE sip:a@b SIP/2.0\r\nAuthorization: ***\r\nCall-ID: x\r\n\r\n",
		},
		{
			"folded, in any case", wiretap.SIP,
			"proxy-AUTHORIZATION \t: Digest\r\n username=\"a\",\r\n\tresponse=\"" + hash + "\"\r\nTo: b\r\n",
			"proxy-AUTHORIZATION \t: ***\r\nTo: b\r\n",
		},
		{"in a command line", wiretap.PBX, `curl -H "Authorization: Basic YTpi"`, `curl -H "Authorization: ***`},
		{"AMI sign-in", wiretap.PBX, "Action: Login\r\nUsername: u\r\nSecret: my pass word\r\n\r\n", "Action: Login\r\nUsername: u\r\nSecret: ***\r\n\r\n"},
		{"AMI secret in quotes", wiretap.PBX, "Secret: \"a\"b\r\n", "Secret: ***\r\n"},
		{"AMI challenge", wiretap.PBX, "AuthType: MD5\r\nKey: " + hash + "\r\n", "AuthType: MD5\r\nKey: ***\r\n"},
		{"another key", wiretap.PBX, "Action: DBGet\r\nKey: 1001\r\n", "Action: DBGet\r\nKey: 1001\r\n"},
		{"AMI digit", wiretap.PBX, "Event: DTMFEnd\r\nDigit: 5\r\nDirection: Sent\r\n", "Event: DTMFEnd\r\nDigit: ***\r\nDirection: Sent\r\n"},
		{"ESL sign-in", wiretap.PBX, "auth ClueCon\n\n", "auth ***\n\n"},
		{"ESL user sign-in", wiretap.PBX, "userauth 1001@pbx:geheim\n\n", "userauth ***\n\n"},
		{"ESL greeting", wiretap.PBX, "Content-Type: auth/request\n\n", "Content-Type: auth/request\n\n"},
		{"ESL digits", wiretap.PBX, "bgapi uuid_recv_dtmf c45c3dc9 12#@150\nJob-UUID: 7\n\n", "bgapi uuid_recv_dtmf c45c3dc9 ***\nJob-UUID: 7\n\n"},
		{"ESL digits told", wiretap.PBX, "+OK c45c3dc9 received DTMF 12#.\n", "+OK c45c3dc9 received DTMF ***\n"},
		{
			"ESL job", wiretap.PBX, `{"Job-Command":"uuid_send_dtmf","Job-Command-Arg":"c45c3dc9 12#","Event-Sequence":"5"}`,
			`{"Job-Command":"uuid_send_dtmf","Job-Command-Arg":"***","Event-Sequence":"5"}`,
		},
		{"ESL event", wiretap.PBX, `{"DTMF-Digit":"5","variable_sip_auth_password" : "a\"b","x":1}`, `{"DTMF-Digit":"***","variable_sip_auth_password" : "***","x":1}`},
		{"JSON in JSON", wiretap.PBX, `{"body":"{\"password\":\"geheim\"}"}`, `{"body":"{\"password\":\"***"}`},
		{"JSON number", wiretap.PBX, `{"secret": 1234, "x": 1}`, `{"secret": ***, "x": 1}`},
		{"ARI", wiretap.PBX, "POST /ari/channels/7/dtmf?dtmf=1234&api_key=u:geheim HTTP/1.1\r\n", "POST /ari/channels/7/dtmf?dtmf=***&api_key=*** HTTP/1.1\r\n"},
		{"in passing", wiretap.PBX, "connect user=u password=geheim db=x", "connect user=u password=*** db=x"},
		{"attribute", wiretap.CSTA, `<login password='geheim' user="u"/>`, `<login password='***' user="u"/>`},
		{"digits", wiretap.CSTA, "<GenerateDigits><charactersToSend>4711#</charactersToSend></GenerateDigits>", "<GenerateDigits><charactersToSend>***</charactersToSend></GenerateDigits>"},
		{
			"digits, prefixed and hidden", wiretap.SIP, "<c:charactersToSend a='>' ><!-- </c:x> -->4<![CDATA[7]]>&#49;1</c:charactersToSend >x",
			"<c:charactersToSend a='>' >***</c:charactersToSend >x",
		},
		{"digits without end", wiretap.SIP, "<charactersToSend>4711", "<charactersToSend>***"},
		{"no digits", wiretap.SIP, "<charactersToSend/><toneDuration>5</toneDuration>", "<charactersToSend/><toneDuration>5</toneDuration>"},
		{"empty digits", wiretap.SIP, "<charactersToSend></charactersToSend>5", "<charactersToSend></charactersToSend>5"},
		{"digits in REST", wiretap.CSTA, `{"charactersToSend": "4711", "toneDuration": 5}`, `{"charactersToSend": "***", "toneDuration": 5}`},
		{"digits told", wiretap.CSTA, "<digitGeneratedList>4711</digitGeneratedList>", "<digitGeneratedList>***</digitGeneratedList>"},
		{"agent", wiretap.CSTA, "<agentPassword>4711</agentPassword>", "<agentPassword>***</agentPassword>"},
		{"NULs between", wiretap.PBX, "Sec\x00ret: geheim\r\n", "Secret: ***\r\n"},
		{"NULs without secrets", wiretap.PBX, "a\x00b", "a\x00b"},
		{"words alone", wiretap.PBX, "The secret of a password, the key and the authorization\r\n", "The secret of a password, the key and the authorization\r\n"},
		{"nothing", wiretap.PBX, "Secret:\r\nX: y\r\n", "Secret:\r\nX: y\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := shown(test.layer, test.text); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestSecretsInUTF16(t *testing.T) {
	var body []byte
	for _, c := range utf16.Encode([]rune("\uFEFF<charactersToSend>4711</charactersToSend>")) {
		body = append(body, byte(c>>8), byte(c))
	}
	got := shown(wiretap.SIP, "INFO sip:a SIP/2.0\r\n\r\n"+string(body))
	if !strings.Contains(got, "<charactersToSend>***</charactersToSend>") {
		t.Errorf("got %q", got)
	}
}

// Hostile messages take no longer than honest ones of their size, and what isn't a secret stays.
func TestHostileForMasks(t *testing.T) {
	for _, piece := range []string{"password", "<password", "<password>", "<password '", "password=\"", "password:", "</password", "<password></", `\`, "secret:\n ", "auth ", "uuid_send_dtmf "} {
		text := strings.Repeat(piece, wiretap.MaxText/len(piece))
		if got := shown(wiretap.PBX, text); len(got) > 3*len(text) {
			t.Errorf("%q…: %d octets became %d", piece, len(text), len(got))
		}
	}
}

// A secret in any of the usual places is never seen, whatever stands around it.
func FuzzSecrets(f *testing.F) {
	f.Add("INVITE sip:a SIP/2.0\r\n", "\r\n\r\n", uint8(0))
	f.Add("<GenerateDigits>", "</GenerateDigits>", uint8(3))
	f.Add("", "", uint8(4))
	f.Add("<a b='", "\"password\": ", uint8(1))
	const secret = "s3kr1t-0f-0urs"
	places := []string{
		"\r\nAuthorization: Digest " + secret + "\r\n", "\r\nSecret: " + secret + "\r\n", "&password=" + secret + "&",
		"<charactersToSend>" + secret + "</charactersToSend>", "\nauth " + secret + "\n", `{"password":"` + secret + `"}`,
	}
	f.Fuzz(func(t *testing.T, before, after string, place uint8) {
		if len(before)+len(after) > wiretap.MaxText/2 || strings.Contains(before+after, secret) {
			return
		}
		got := shown(wiretap.PBX, before+places[int(place)%len(places)]+after)
		if strings.Contains(strings.ReplaceAll(got, "\x00", ""), secret) {
			t.Errorf("got %q", got)
		}
	})
}
