package main

import "strings"

// example is what `farhook config example` prints; simExample is what demo runs. Both pass `farhook config check`.
const (
	example = exampleHead + `
# Who may control which line.
#   owner      the user, as the UC server asserts him, must own it: the directory says so (default)
#   delegates  or must be its owner's delegate
#   trusted    any user of a trusted UC server may control any line
#   demo       everybody may control every line: for demonstrations, loopback only
rights: owner

# Who there is: whose line is which, and what people are called. From here (users), from a file (.yaml, .csv), from LDAP, or from several of them. See
# docs/directory.md; farhook directory lint looks for what is wrong in it.
directory:
  refresh: 10m
  # Folder of the last good copies, so that a dead directory never stops phones at start. Empty: none are kept.
  copies: ""
  users:
    - user: sip:alice@example.com
      name: Alice Example
      lines: ["tel:+15551001"]
      # Other numbers that mean the same person.
      aliases: ["1001", "+1 555 0100 1001"]
      # Who may act for her, with rights: delegates.
      delegates: [sip:bob@example.com]
    - {user: "sip:bob@example.com", name: Bob Example, lines: ["tel:+15551002"]}
  # file: /etc/farhook/users.csv
  # ldap:
  #   urls: ["ldaps://dc1.example.com", "ldaps://dc2.example.com"]
  #   start_tls: false   # on ldap://
  #   ca: ""             # of the servers' certificates, PEM; empty: the system's
  #   bind_dn: "cn=farhook,ou=services,dc=example,dc=com"
  #   password_file: /etc/farhook/ldap.password
  #   base: "dc=example,dc=com"
  #   filter: ""         # empty: every person with an address, a line or a number
  #   page: 500
  #   timeout: 30s
  #   # Names of attributes; these are Active Directory's. Empty: not asked for.
  #   attributes:
  #     user: msRTCSIP-PrimaryUserAddress
  #     line: msRTCSIP-Line
  #     line_server: msRTCSIP-LineServer
  #     options: msRTCSIP-OptionFlags
  #     name: displayName
  #     telephone: telephoneNumber
  #     mobile: mobile
  #     mail: mail
  #     department: department
  #     delegates: publicDelegates
` + exampleTail

	simExample = exampleHead + `
# Who may control which line. demo: everybody controls every line; loopback only.
rights: demo
` + exampleTail

	exampleHead = `# farhook configuration. Every value shown is the default unless said otherwise. Unknown keys are errors.
# Files conf.d/*.yaml (or .yml) beside this one come after it, variables of the environment such as FARHOOK_SIP__CONTACT after those: what comes
# later wins, value by value; pbx and peers are added to. A secret may stand in a file of its own: secret: !file /etc/farhook/ami.secret

sip:
  # TCP addresses on which UC servers reach farhook.
  listen: ["127.0.0.1:5060"]
  # TLS addresses, with certificate and key (PEM), and the authorities of the UC servers' certificates. All three are read again when they
  # change, or on SIGHUP. farhook is client as well as server: its certificate needs both usages.
  # tls:
  #   listen: ["0.0.0.0:5065"]
  #   certificate: /etc/farhook/farhook.pem
  #   key: /etc/farhook/farhook.key
  #   client_ca: /etc/farhook/ca.pem
  # Host name or address in our Contact, as in the certificate. Empty: the address the connection came to.
  contact: ""
  # Domain of the Line Server URIs (sip:farhook@rcc.example.com): the MatchUri of the UC server's static route, and not the users' own
  # SIP domain. doctor and the directory's lint compare with it. Empty: they don't.
  domain: ""
  # Session timer (RFC 4028): offered, and the least that is accepted.
  session_expires: 30m
  min_session_expires: 90s
  # Sessions on one line, 1 to 64: when there is one more, the oldest ends.
  sessions_per_line: 8
  # Connections in all, 1 to 100000; sessions in all, 1 to 1000000.
  connections: 1000
  sessions: 200000
  # New sessions a second that are admitted, 0 to 100000, beyond a burst of ten times as many; the others are asked to come again a few seconds later
  # (503, Retry-After). 0: as many as come.
  sign_ins_per_second: 0
  # After so long without a sign of life from the network, 6s to 10m, a UC server's connection ends. Sessions go on by its next one.
  vanished_after: 30s
  # File that keeps the sessions when farhook is restarted or killed, such as /var/lib/farhook/sessions.db. Empty: they end with it.
  # Beside it stands what phones each PBX had last (devices-NAME.json), so that their users can sign in while it is down.
  store: ""

# The UC servers that are trusted to say who their users are. Without any, farhook listens on loopback only. Over TLS a server is
# known by a name in its certificate (hosts; *.example.com stands for one label), over plain TCP by its address (addresses).
# domains are the SIP domains of its users (none: any), connections and sessions its own limits (0: none).
# peers:
#   - name: pool
#     hosts: [pool.example.com, fe01.example.com]
#     addresses: [10.1.2.0/24]
#     domains: [example.com]
#     connections: 0
#     sessions: 0
#     # When the link to a line's PBX is lost, its monitors are told by events; status tells SystemStatus too, bye ends the session.
#     on_link_loss: events
#     # An INVITE meanwhile: accept, for clients take anything but normal as final; or refuse (480).
#     while_down: accept

# A record of sessions, control of lines, refusals: one JSON document a line, chained by hash. farhook audit verify FILE checks it.
audit:
  file: ""           # such as /var/lib/farhook/audit.jsonl; empty: none is kept

http:
  # Console and REST; beyond loopback only with web.store (sign-in) and web.certificate (TLS). Empty: none.
  listen: "127.0.0.1:8080"
  # Names, beside the loopback ones, that a browser may know us by.
  hosts: []

web:
  # File of the call history, users, tokens and webhooks. Empty: they end with the process, and whoever reaches HTTP may do everything.
  store: ""
  # Whether people have to sign in; the default is: where there is a store. The first user or token: farhook access --help.
  # sign_in: true
  # TLS for HTTP (PEM).
  certificate: ""
  key: ""
  # Requests a minute of one user or token that has no limit of its own, 0 for none.
  requests_per_minute: 6000
  # How long a browser stays signed in, and how long finished calls are kept (0s: for ever).
  session: 12h
  retention: 8760h
  # Sign-in with the organisation's accounts (OpenID Connect). Roles say what the groups of an account may.
  # oidc:
  #   issuer: https://login.example.com
  #   client_id: farhook
  #   client_secret: "…"
  #   redirect: https://farhook.example.com/api/v1/sign-in/oidc/callback
  #   scopes: [profile, groups]
  #   name_claim: preferred_username
  #   groups_claim: groups
  #   # The account's own lines, any spelling. A number of which the provider says phone_number_verified: false is none.
  #   lines_claim: phone_number
  #   # An account has the roles of its groups. The scopes of each are for its own devices, and for the account's own lines.
  #   roles:
  #     - group: ""                 # every account
  #       scopes: [observe-state, observe-parties, control]
  #     - group: telephony-admins
  #       scopes: [observe-state, observe-parties, control, administer]
  #       all_devices: true
  webhooks:
    # Whether webhooks may go to loopback, link-local and private addresses.
    private: false
    # How long a document is tried before it is put aside.
    age: 24h
`

	exampleTail = `
# Events kept in memory for followers that fall behind.
journal: 16MiB

# Every SIP, CSTA and PBX message of late, in memory, for farhook trace: so many octets, 1MiB to 4GiB, and no older than age, 1m to 2160h.
wiretap:
  keep: 32MiB
  age: 24h

# Prometheus. Empty: /metrics is on the HTTP listener, for this machine only. With an address of its own, everybody who reaches it may read it.
metrics:
  listen: ""

# OpenTelemetry traces over OTLP/HTTP: what each request brought about, from the INFO to the PBX's commands, its proof and the events. endpoint is a collector's
# URL, such as http://127.0.0.1:4318; empty: none. sample is the share of the traces that begin here, 0 to 1; who brings a traceparent decides for himself.
# Numbers are masked as in the log.
telemetry:
  endpoint: ""
  headers: {}        # of each request to the collector, such as {Authorization: !file /etc/farhook/otlp.secret}
  sample: 1

# Socket by which farhook drain and farhook trace reach the running gateway, such as /run/farhook/control.sock. Only its owner and root
# may open it. Empty: none.
control: ""

log:
  level: info      # debug, info, warn, error
  format: console  # console or json
  # masked: of every number only the last two digits stand in the log. full: all of them.
  numbers: masked

# The PBXs. name is part of call ids: don't change it later.
pbx:
  - name: sim
    kind: sim
    settings:
      # Simulated phones from extension 1001 on; line n is tel:+ and 15550000+n.
      lines: 24
      # true: no calls but those asked for.
      quiet: false
  # An Asterisk, over its manager interface; docs/asterisk.md has the account, the dialplan lines and the phones.
  # - name: office
  #   kind: asterisk
  #   settings:
  #     address: pbx.example.com:5039
  #     # The certificate is always verified. ca: PEM file, empty: the machine's authorities. server_name: in the certificate, empty: the host.
  #     tls: {on: true, ca: /etc/farhook/pbx-ca.pem, server_name: ""}
  #     username: farhook
  #     secret: !file /etc/farhook/ami.secret
  #     login: challenge     # challenge or plain; plain only with tls, or to this machine
  #     dialplan: plain      # where forwarding and do not disturb are kept: plain, freepbx, none
  #     context: csta        # dialplan context of farhook's own lines
  #     mailbox: "{number}@default"
  #     trunks: []           # endpoints that are no phones though their names are digits
  #     ring_time: 30s       # how long a phone is rung that is to call, 1s to 10m
  #     digits: false        # tell which keys are pressed in calls, PINs too; takes the account's read class dtmf
  #     experimental: false  # services that were never seen on a real Asterisk
  #     # What the PBX does not tell of a phone, or wrongly. header: alert-info, call-info or off (how it is made to answer by itself), value: the
  #     # header's; notify: yes or no (it obeys NOTIFY talk and hold).
  #     phones:
  #       - {endpoint: reception, number: "100", name: Reception, context: internal, mailbox: 100@default, header: call-info, value: "", notify: "no"}
  #     # Numbers that lead to several phones: queues, whose members the PBX tells (one whose name is a number needs no row), and ring groups.
  #     groups:
  #       - {number: "600", name: Support, queue: support}
  #       - {number: "610", name: Sales, members: ["103", "104"]}
  #     # Phones by what their User-Agent begins with, before the table that farhook has.
  #     styles:
  #       - {agent: Acme, header: alert-info, value: "", notify: "yes"}
    # Codes of this PBX's dialplan, in digits, * and #, with {extension} where the line's extension goes. Empty: it has none, and the console doesn't offer
    # it (the simulated PBX has these). through_do_not_disturb rings a line that doesn't want to be disturbed, for those who have the right (override). The
    # dialplan lines for them: docs/asterisk.md, docs/freeswitch.md.
    # codes:
    #   voicemail: "*98{extension}"
    #   through_do_not_disturb: "*99{extension}"
    # How this PBX writes numbers: rules in order, each with a name; the first that matches decides, and what none matches goes as it is. match is a
    # regular expression of the whole number, digits its beginning (X any, Z 1 to 9, N 2 to 9, a final dot: more). See docs/numbers.md, and try
    # them with farhook numbers try.
    # numbers:
    #   to_pbx:
    #     - {name: extensions, match: '\+15551(\d{3})', replace: '1$1'}
    #     - {name: abroad, digits: '+.', strip: 1, prefix: '9011'}
    #   from_pbx:
    #     - {name: extensions, digits: '1XXX', strip: 1, prefix: '+15551'}
    #     - {name: abroad, digits: '9011.', strip: 4, prefix: '+'}
    #   # How this PBX wants emergency numbers dialled; no other rule sees them.
    #   emergency:
    #     - {number: '911', dial: '9911'}
` + freeswitchExample + `
# Emergency numbers: 112 and 911, those of the countries (ISO 3166; none: all that a mobile phone without a card knows), and those listed. They are
# known behind the prefixes of an outside line, too, and as what clients make of them. See docs/numbers.md.
emergency:
  countries: []
  numbers: []
  outside: ["0", "9"]
`
)

// installedPlaces are the values of the Debian package, by the line of the example that has the default.
var installedPlaces = map[string]string{
	"\n  store: \"\"\n": "\n  store: /var/lib/farhook/sessions.db\n",
	"\n  file: \"\"           # such as /var/lib/farhook/audit.jsonl; empty: none is kept\n": "\n  file: /var/lib/farhook/audit.jsonl\n",
	"\ncontrol: \"\"\n": "\ncontrol: " + installedControl + "\n",
}

// installed is an example with the places of the Debian package.
func installed(text string) string {
	for from, to := range installedPlaces {
		text = strings.Replace(text, from, to, 1)
	}
	return text
}
