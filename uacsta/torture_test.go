package uacsta_test

import (
	"fmt"
	"strings"
	"testing"

	"farhook/pbxadapter/switchboard"
)

// tortures are messages of the kinds that RFC 4475 and RFC 5118 describe, each with the answer that the RFCs demand of a server which is no registrar.
// want "": no answer is due. ends: framing is lost, and with it the connection.
var tortures = []struct {
	name, text string
	want       string
	header     string // of the answer: "Name: value"
	ends       bool
}{
	// RFC 4475, 3.1.1: valid messages.
	{name: "4475 3.1.1.1 folded, short, lower case, spaces everywhere", want: "200", header: "CSeq: 0009 OPTIONS", text: `
OPTIONS sip:rccgw@contoso.test;unknownparam SIP/2.0
TO :
 sip:rccgw@contoso.test
from   : "The \\\" desk"       <sip:alice@contoso.test>
  ;
  tag = t1
MaX-fOrWaRdS: 0068
Call-ID: torture-1@uc.contoso.test
l: $
cseq: 0009
  OPTIONS
Via  : SIP  /   2.0
 /TCP
    192.0.2.2;branch=390skdjuw
s :
P-Weather:   rain
 and wind
P-Noise: ;;,,;;,;
v:  SIP  / 2.0  / TCP     fe1.contoso.test   ;
  branch  =   z9hG4bKu431  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bKu257
m:"A \"\" desk" <sip:desk@contoso.test> ; side =
      left ;
  lamp ; q = 0.5

`},
	{name: "4475 3.1.1.2 every character of a token, a NUL in a quoted pair", want: "405", header: "Allow: INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS", text: "\n" +
		"!Knock-0123456789_*+`.%twice'~ sip:desk-4_(left)~&of'the+door$/2?,/;;*:&k=1,!*p$~_.(x'y)@contoso.test SIP/2.0\n" +
		"Via: SIP/2.0/TCP uc1.contoso.test;branch=z9hG4bK-.!%66*_+`'~\n" +
		"To: \"a\\\x07b\\\x00c\\\x7F\" <sip:desk-4_(left)~&of'the+door$/2@contoso.test>\n" +
		"From: le~` fau'+_ teuil*%!.- <sip:chair@contoso.test>;arm''~+*_!.-%=\"\xD1\x80\xD0\xB0\";tag=_leg~1'+`*%!-.\n" +
		"Call-ID: knock.%ZK-!.*_+'@twice`~)(><:\\/\"][?}{\n" +
		"CSeq: 139122385 !Knock-0123456789_*+`.%twice'~\nMax-Forwards: 255\np-Header-!.%*+_`'~:\xEF\xBB\xBF\xE5\xA4\xA7\nContent-Length: 0\n\n"},
	{name: "4475 3.1.1.3 escapes", want: "200", text: `
OPTIONS sip:rcc%3Agw%40contoso.test@contoso.test SIP/2.0
To: sip:%6Cin%65@contoso.test
From: <sip:front%20desk@contoso.test>;tag=t164
Max-Forwards: 87
i: torture-2@uc.contoso.test
CSeq: 234234 OPTIONS
Via: SIP/2.0/TCP uc5.contoso.test;branch=z9hG4bKt264
C: application/sdp
Contact:
  <sip:des%6B@uc5.contoso.test;%6C%72;d%65sk=%25%34%32>
Content-Length: 0

`},
	{name: "4475 3.1.1.4 escaped NULs", want: "405", text: `
REGISTER sip:contoso.test SIP/2.0
To: sip:before%00after@contoso.test
From: sip:before%00after@contoso.test;tag=t475
Max-Forwards: 70
Call-ID: torture-3@uc.contoso.test
CSeq: 14398234 REGISTER
Via: SIP/2.0/TCP uc5.contoso.test;branch=z9hG4bKt264
Contact: <sip:%00@uc5.contoso.test>
L:0

`},
	{name: "4475 3.1.1.5 percent signs that are no escapes", want: "405", text: `
KN%4FC%4B sip:registrar.contoso.test SIP/2.0
To: "%Q%4" <sip:desk@contoso.test>
From: "%Q%4" <sip:desk@contoso.test>;tag=t865
Call-ID: torture-4@uc.contoso.test
Via: SIP/2.0/TCP uc.contoso.test;branch=z9hG4bKu1003
CSeq: 29344 KN%4FC%4B
Max-Forwards: 70
Content-Length: 0

`},
	{name: "4475 3.1.1.6 no space before <", want: "200", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: caller<sip:caller@contoso.test>;tag=t152
Max-Forwards: 70
Call-ID: torture-5@uc.contoso.test
CSeq: 60 OPTIONS
Via: SIP/2.0/TCP funky.contoso.test;branch=z9hG4bKt264
l: 0

`},
	{name: "4475 3.1.1.7 long values", want: "200", text: `
OPTIONS sip:rccgw@contoso.test SIP/2.0
To: "A line of ` + strings.Repeat("secretaries", 30) + ` in a row" <sip:user@contoso.test:6000;shelf=` + strings.Repeat("further", 25) + `end>
From: sip:` + strings.Repeat("operator", 14) + `@contoso.test;tag=7` + strings.Repeat("4096", 120) + `;wing` + strings.Repeat("east", 20) + `=3
Call-ID: torture-` + strings.Repeat("again", 24) + `
CSeq: 3882340 OPTIONS
P-` + strings.Repeat("Wide", 30) + `: ` + strings.Repeat("corridor ", 50) + `door
` + strings.Repeat("Via: SIP/2.0/TCP fe33.contoso.test;branch=z9hG4bKhop\n", 34) + `Max-Forwards: 70
l: 0

`},
	{name: "4475 3.1.1.8 what follows a message is the next one", want: "200 200", text: `
OPTIONS sip:rccgw@contoso.test SIP/2.0
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t671
Call-ID: torture-6@uc.contoso.test
Via: SIP/2.0/TCP uc5.contoso.test;branch=z9hG4bKt264
CSeq: 8 OPTIONS
Content-Length: 0

OPTIONS sip:joe@contoso.test SIP/2.0` + "\r" + `
t: sip:joe@contoso.test` + "\r" + `
From: sip:caller@contoso.test;tag=t304` + "\r" + `
Call-ID: torture-next@uc.contoso.test` + "\r" + `
CSeq: 8 OPTIONS` + "\r" + `
Via: SIP/2.0/TCP 192.0.2.15;branch=z9hG4bKt627` + "\r" + `
l: 0` + "\r" + `
` + "\r" + `
`},
	{name: "4475 3.1.1.9 a semicolon in the user part", want: "200", text: `
OPTIONS sip:desk;floor=3%40b@contoso.test SIP/2.0
To: sip:j_user@contoso.test
From: sip:caller@contoso.test;tag=t254
Max-Forwards: 3
Call-ID: torture-7@uc.contoso.test
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime, multipart/mixed
Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKt264
l: 0

`},
	{name: "4475 3.1.1.10 transports nobody knows", want: "200", header: "Via: SIP/2.0/TCP t1.contoso.test;branch=z9hG4bKt264", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: <sip:caller@contoso.test>;tag=t152
Max-Forwards: 70
Call-ID: torture-8@uc.contoso.test
CSeq: 60 OPTIONS
Via: SIP/2.0/TCP t1.contoso.test;branch=z9hG4bKt264
Via: SIP/2.0/SCTP t2.contoso.test;branch=z9hG4bKu839
Via: SIP/2.0/TLS t3.contoso.test;branch=z9hG4bKu744
Via: SIP/2.0/UNKNOWN t4.contoso.test;branch=z9hG4bKu724
Via: SIP/2.0/TCP t5.contoso.test;branch=z9hG4bKu821
l: 0

`},
	{name: "4475 3.1.1.11 a body of several parts", want: "415", header: "Accept: application/csta+xml", text: `
INVITE sip:rccgw@contoso.test SIP/2.0
To: <sip:rccgw@contoso.test>
From: <sip:alice@contoso.test>;tag=t361
Max-Forwards: 70
Call-ID: torture-9@uc.contoso.test
CSeq: 127 INVITE
Contact: <sip:alice@192.0.2.1>
Content-Type: multipart/mixed; boundary=cut-here
Via: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bKparts
Content-Length: $

--cut-here
Content-Type: text/plain

Hello
--cut-here--`},
	{name: "4475 3.1.1.12 an answer with a reason beyond ASCII", want: "", text: `
SIP/2.0 200 готово, всё хорошо
Via: SIP/2.0/TCP 192.0.2.198;branch=z9hG4bKu360
Call-ID: torture-10@uc.contoso.test
CSeq: 35 INVITE
From: sip:user@contoso.test;tag=t402
To: sip:user@contoso.test;tag=t207
Content-Length: 0

`},
	{name: "4475 3.1.1.13 an answer without a reason", want: "", text: `
SIP/2.0 100 ` + `
Via: SIP/2.0/TCP 192.0.2.105;branch=z9hG4bKu733
Call-ID: torture-11@uc.contoso.test
CSeq: 35 INFO
From: <sip:user@contoso.test>;tag=t688
To: <sip:user@contoso.test>;tag=t840
Content-Length: 0

`},
	// RFC 4475, 3.1.2: invalid messages.
	{name: "4475 3.1.2.1 separators with nothing between", want: "400", text: `
INVITE sip:user@contoso.test SIP/2.0
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t615
Max-Forwards: 7
Call-ID: torture-12@uc.contoso.test
CSeq: 8 INVITE
Via: SIP/2.0/TCP 192.0.2.15;;,;,,
Contact: "Desk" <sip:desk@contoso.test>;;;;
Content-Length: 0

`},
	{name: "4475 3.1.2.3 a negative Content-Length", want: "400", ends: true, text: `
INVITE sip:user@contoso.test SIP/2.0
Max-Forwards: 254
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t414
Call-ID: torture-13@uc.contoso.test
CSeq: 0 INVITE
Via: SIP/2.0/TCP 192.0.2.53;branch=z9hG4bKt264
Content-Length: -999

`},
	{name: "4475 3.1.2.4 numbers beyond all bounds", want: "400", text: `
REGISTER sip:contoso.test SIP/2.0
Via: SIP/2.0/TCP uc129.contoso.test;branch=z9hG4bKu737
To: <sip:user@contoso.test>
From: <sip:user@contoso.test>;tag=t570
CSeq: 36893488147419103232 REGISTER
Call-ID: torture-14@uc.contoso.test
Max-Forwards: 300
Expires: 10000000000000000000000000000000000000000000000000000000000
Content-Length: 0

`},
	{name: "4475 3.1.2.5 an answer with a number beyond all bounds", want: "", text: `
SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP uc129.contoso.test;branch=z9hG4bKu1136
To: <sip:user@contoso.test>
From: <sip:other@contoso.test>;tag=t997
CSeq: 9292394834772304023312 OPTIONS
Call-ID: torture-15@uc.contoso.test
Retry-After: 949302838503028349304023988
Warning: 1999 party "Over"
Content-Length: 0

`},
	{name: "4475 3.1.2.6 a quote that does not end", want: "400", text: `
INVITE sip:user@contoso.test SIP/2.0
To: "The desk <sip:desk@contoso.test>
From: sip:caller@contoso.test;tag=t262
Max-Forwards: 10
Call-ID: torture-16@uc.contoso.test
Contact: <sip:caller@uc59.contoso.test>
CSeq: 8 INVITE
Via: SIP/2.0/TCP 192.0.2.59:5050;branch=z9hG4bKt213
Content-Length: 0

`},
	{name: "4475 3.1.2.7 <> around the Request-URI", want: "400", text: `
INVITE <sip:user@contoso.test> SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t264
Max-Forwards: 23
Call-ID: torture-17@uc.contoso.test
CSeq: 1 INVITE
Via: SIP/2.0/TCP 192.0.2.5
Contact: <sip:caller@uc5.contoso.test>
Content-Length: 0

`},
	{name: "4475 3.1.2.8 a space in the Request-URI", want: "400", text: `
INVITE sip:user@contoso.test; lr SIP/2.0
To: sip:user@contoso.test;tag=t1121
From: sip:caller@contoso.test;tag=t457
Max-Forwards: 5
Call-ID: torture-18@uc.contoso.test
CSeq: 2130706432 INVITE
Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKt110
Contact: <sip:caller@uc1.contoso.test>
Content-Length: 0

`},
	{name: "4475 3.1.2.9 several spaces in the request line", want: "400", text: `
INVITE  sip:user@contoso.test  SIP/2.0
Max-Forwards: 8
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t213
Call-ID: torture-19@uc.contoso.test
CSeq: 1893884 INVITE
Via: SIP/2.0/TCP uc1.contoso.test;branch=z9hG4bKt722
Contact: <sip:caller@uc1.contoso.test>
Content-Length: 0

`},
	{name: "4475 3.1.2.10 spaces after the request line", want: "400", text: `
OPTIONS sip:remote-target@contoso.test SIP/2.0` + "  " + `
Via: SIP/2.0/TCP uc1.contoso.test;branch=z9hG4bKu473
To: <sip:remote-target@contoso.test>
From: <sip:local-resource@contoso.test>;tag=t478
Call-ID: torture-20@uc.contoso.test
CSeq: 238923 OPTIONS
Max-Forwards: 70
Content-Length: 0

`},
	{name: "4475 3.1.2.12 a date in another time zone", want: "200", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t361
Max-Forwards: 70
Call-ID: torture-21@uc.contoso.test
CSeq: 1392934 OPTIONS
Via: SIP/2.0/TCP uc.contoso.test;branch=z9hG4bKt264
Date: Fri, 01 Jan 2010 16:00:00 EST
Content-Length: 0

`},
	{name: "4475 3.1.2.14 spaces within an address", want: "400", text: `
OPTIONS sip:user@contoso.test SIP/2.0
Via: SIP/2.0/TCP uc4.contoso.test:5060;branch=z9hG4bKt903
Max-Forwards: 70
From: "Desk, Front" <sip:front@contoso.test>;tag=t307
To: "Desk, Back" < sip:back@contoso.test >
Call-ID: torture-22@uc.contoso.test
Accept: application/sdp
CSeq: 3923239 OPTIONS
l: 0

`},
	{name: "4475 3.1.2.16 a version to come", want: "505", text: `
OPTIONS sip:back@contoso.test SIP/7.0
Via:     SIP/7.0/TCP c.contoso.test;branch=z9hG4bKt264
Max-Forwards:     70
From:    Front <sip:front@contoso.test>;tag=t875
To:      Back <sip:back@contoso.test>
Call-ID: torture-23@uc.contoso.test
CSeq:    1 OPTIONS
l: 0

`},
	{name: "4475 3.1.2.17 the method of CSeq is another", want: "400", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t259
Max-Forwards: 6
Call-ID: torture-24@uc.contoso.test
CSeq: 8 INVITE
Via: SIP/2.0/TCP uc.contoso.test;branch=z9hG4bKt264
l: 0

`},
	{name: "4475 3.1.2.18 the method of CSeq is another, unknown one", want: "400", text: `
SUMMON sip:user@contoso.test SIP/2.0
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t259
Max-Forwards: 6
Call-ID: torture-25@uc.contoso.test
CSeq: 8 INVITE
Contact: <sip:caller@uc.contoso.test>
Via: SIP/2.0/TCP uc.contoso.test;branch=z9hG4bKt264
l: 0

`},
	{name: "4475 3.1.2.19 a status beyond all bounds", want: "", text: `
SIP/2.0 4294967301 Beyond
Via: SIP/2.0/TCP 192.0.2.105;branch=z9hG4bKu733
Call-ID: torture-26@uc.contoso.test
CSeq: 353494 INVITE
From: <sip:user@contoso.test>;tag=t688
To: <sip:user@contoso.test>;tag=t840
Content-Length: 0

`},
	// RFC 4475, 3.2 and 3.3: transactions and meaning.
	{name: "4475 3.2.1 a branch that is only the cookie", want: "200", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t254
Max-Forwards: 3
Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK
Accept: application/sdp
Call-ID: torture-27@uc.contoso.test
CSeq: 8 OPTIONS
l: 0

`},
	{name: "4475 3.3.1 headers that must be there", want: "400", text: `
INVITE sip:user@contoso.test SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/TCP 192.0.2.95;branch=z9hG4bKt599
Content-Length: 0

`},
	{name: "4475 3.3.2 a scheme nobody knows", want: "416", text: `
OPTIONS pneumatic:tube-7 SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t159
Max-Forwards: 3
Call-ID: torture-28@uc.contoso.test
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP uc9.contoso.test;branch=z9hG4bKt213
Content-Length: 0

`},
	{name: "4475 3.3.3 a known scheme that is not SIP's", want: "416", text: `
OPTIONS gopher://192.0.2.103:70 SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t159
Max-Forwards: 3
Call-ID: torture-29@uc.contoso.test
CSeq: 3923423 OPTIONS
Via: SIP/2.0/TCP uc9.contoso.test;branch=z9hG4bKt213
Content-Length: 0

`},
	{name: "4475 3.3.5 extensions that are required", want: "420", header: "Unsupported: teleport, levitate", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:j_user@contoso.test
From: sip:caller@contoso.test;tag=t483
Max-Forwards: 6
Call-ID: torture-30@uc.contoso.test
Require: teleport, levitate
Proxy-Require: hover, glide
CSeq: 8 OPTIONS
Via: SIP/2.0/TCP fe.contoso.test;branch=z9hG4bKt264
Content-Length: 0

`},
	{name: "4475 3.3.6 a type nobody knows", want: "415", header: "Accept: application/csta+xml", text: `
INVITE sip:rccgw@contoso.test SIP/2.0
Contact: <sip:caller@uc5.contoso.test>
To: sip:j.user@contoso.test
From: sip:caller@contoso.test;tag=t365
Max-Forwards: 70
Call-ID: torture-31@uc.contoso.test
CSeq: 235448 INVITE
Via: SIP/2.0/TCP someuc.contoso.test;branch=z9hG4bKt264
Content-Type: application/shorthand
Content-Length: $

.-- .... .- -`},
	{name: "4475 3.3.7 a way to authorise nobody knows", want: "200", text: `
OPTIONS sip:contoso.test SIP/2.0
To: sip:j.user@contoso.test
From: sip:j.user@contoso.test;tag=t727
Max-Forwards: 8
Call-ID: torture-32@uc.contoso.test
CSeq: 9338 OPTIONS
Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bKt264
Authorization: Handshake firmness=3
Content-Length:0

`},
	{name: "4475 3.3.8 several values where one belongs", want: "400", text: `
INVITE sip:user@company.com SIP/2.0
Contact: <sip:caller@uc25.contoso.test>
Via: SIP/2.0/TCP 192.0.2.25;branch=z9hG4bKt264
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: torture-33@uc.contoso.test
CSeq: 59 INVITE
Call-ID: torture-34@uc.contoso.test
From: sip:caller@contoso.test;tag=t357
To: sip:user@contoso.test
To: sip:other@contoso.test
From: sip:caller@contoso.test;tag=t508
Content-Length: 0
Contact: <sip:caller@uc36.contoso.test>

`},
	{name: "4475 3.3.9 several Content-Length", want: "400", ends: true, text: `
OPTIONS sip:user@contoso.test SIP/2.0
Via: SIP/2.0/TCP uc5.contoso.test;branch=z9hG4bKu311
To: sip:user@contoso.test
From: sip:other@contoso.test;tag=t368
Call-ID: torture-35@uc.contoso.test
CSeq: 15932 OPTIONS
Content-Length: 13
Max-Forwards: 60
Content-Length: 5
Content-Type: text/plain

Either five octets, or thirteen, or more`},
	{name: "4475 3.3.10 an answer to nobody", want: "", text: `
SIP/2.0 200 OK
Via: SIP/2.0/TCP 192.0.2.198;branch=z9hG4bKu360
Via: SIP/2.0/TCP 255.255.255.255;branch=z9hG4bKu675
Call-ID: torture-36@uc.contoso.test
CSeq: 35 INVITE
From: sip:user@contoso.test;tag=t402
To: sip:user@contoso.test;tag=t207
Content-Length: 0

`},
	{name: "4475 3.3.11 Max-Forwards 0, at the last hop", want: "200", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: sip:caller@contoso.test;tag=t574
Call-ID: torture-37@uc.contoso.test
CSeq: 39234321 OPTIONS
Via: SIP/2.0/TCP uc1.contoso.test;branch=z9hG4bKt550
Max-Forwards: 0
Content-Length: 0

`},
	// RFC 5118: IPv6.
	{name: "5118 4.1 IPv6 in brackets", want: "405", text: `
REGISTER sip:[2001:db8::10] SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bKu455
Call-ID: torture-38@uc.contoso.test
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

`},
	{name: "5118 4.2 IPv6 without brackets", want: "400", text: `
REGISTER sip:2001:db8::10 SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bKu455
Call-ID: torture-39@uc.contoso.test
Max-Forwards: 70
Contact: "Caller" <sip:caller@[2001:db8::1]>
CSeq: 98176 REGISTER
Content-Length: 0

`},
	{name: "5118 4.3 what looks like a port is of the address", want: "200", text: `
OPTIONS sip:[2001:db8::10:5070] SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bKu455
Call-ID: torture-40@uc.contoso.test
Max-Forwards: 70
CSeq: 98176 OPTIONS
Content-Length: 0

`},
	{name: "5118 4.4 a port", want: "200", text: `
OPTIONS sip:[2001:db8::10]:5070 SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bKu455
Call-ID: torture-41@uc.contoso.test
Max-Forwards: 70
CSeq: 98176 OPTIONS
Content-Length: 0

`},
	{name: "5118 4.5 received, with and without brackets", want: "481", header: "Via: SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKu455", text: `
BYE sip:[2001:db8::10] SIP/2.0
To: sip:user@contoso.test;tag=t525
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKu455
Via: SIP/2.0/TCP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKu263
Call-ID: torture-42@uc.contoso.test
Max-Forwards: 70
CSeq: 98176 BYE
Content-Length: 0

`},
	{name: "5118 4.7 both kinds of addresses", want: "200", text: `
OPTIONS sip:user@[::ffff:192.0.2.10] SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t275
Via: SIP/2.0/TCP [2001:db8::9:1]:6050;branch=z9hG4bKu455
Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKu1524
Via: SIP/2.0/TCP [::ffff:192.0.2.2];branch=z9hG4bKu366;received=192.0.2.200
Call-ID: torture-43@uc.contoso.test
Max-Forwards: 70
CSeq: 8912 OPTIONS
Content-Length: 0

`},
	{name: "5118 4.10 three colons", want: "200", text: `
OPTIONS sip:user@contoso.test SIP/2.0
To: sip:user@contoso.test
From: sip:user@contoso.test;tag=t324
Via: SIP/2.0/TCP [2001:db8:::192.0.2.1];branch=z9hG4bKu455
Call-ID: torture-44@uc.contoso.test
Max-Forwards: 70
CSeq: 8912 OPTIONS
Content-Length: 0

`},
}

func TestTorture(t *testing.T) {
	h := newHouse(t, switchboard.OwnLine{}, false)
	live := h.openSession(t, "tel:+15551001")
	for _, c := range tortures {
		t.Run(c.name, func(t *testing.T) {
			answers, alive := exchange(t, h.addr, strings.Replace(crlf(c.text), "l: $", "l: 0", 1))
			var got []string
			for _, a := range answers {
				got = append(got, fmt.Sprint(a.status()))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("answered %v, want %q: %v", got, c.want, answers)
			}
			if alive == c.ends {
				t.Errorf("the connection lives: %v", alive)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok && len(answers) > 0 && answers[0].header(name) != value {
				t.Errorf("%s is %q, want %q", name, answers[0].header(name), value)
			}
		})
	}
	h.undisturbed(t, live, 1001)
}
