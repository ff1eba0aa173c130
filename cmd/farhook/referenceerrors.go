package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"farhook/csta"
	"farhook/pbxadapter/switchboard"
	"farhook/uacsta"
)

// explained says of a negative answer what it means and what helps.
type explained struct{ means, cure string }

// cstaErrors are the standard's errors that farhook answers with; the rest of a category stands last.
var cstaErrors = []struct {
	err *csta.Error
	explained
}{
	{csta.ErrServiceNotSupported, explained{"the device's PBX, or the phone, doesn't offer this service", "`GetCSTAFeatures`, REST and `farhook doctor LINE` tell what it offers and why not more; [support.md](support.md)"}},
	{csta.ErrInvalidParameterValue, explained{"a member of the request is malformed, or has a value that isn't allowed", "the detail names the member and what is allowed"}},
	{csta.ErrParameterMissing, explained{"a member that this request needs is missing", "the detail names it"}},
	{csta.ErrValueOutOfRange, explained{"a number is too small or too large, or there is too much at once", "the detail names the range"}},
	{csta.ErrInvalidDeviceID, explained{"no PBX has this device, or who asks may not know of it", "`farhook numbers try` and `farhook doctor LINE`: spelling, number rules, the directory"}},
	{csta.ErrInvalidCallingDeviceID, explained{"the calling device is none that can be called from", "as above"}},
	{csta.ErrInvalidCalledDeviceID, explained{"the called number can't be dialled: not a number, or one that the PBX has no way to", "`farhook numbers try NUMBER`; the PBX's dialplan"}},
	{csta.ErrInvalidDestination, explained{"the destination of a transfer, deflection or conference can't be dialled", "as above"}},
	{csta.ErrInvalidForwardingDest, explained{"the number to forward to can't be dialled by the phone", "as above; a phone forwards only to where it may call itself"}},
	{csta.ErrInvalidForwardingType, explained{"the PBX or phone doesn't have this kind of forwarding", "a kind that `GetForwarding` tells"}},
	{csta.ErrInvalidCallID, explained{"there is no such call any more", "a snapshot of the device tells what calls there are"}},
	{csta.ErrInvalidConnectionID, explained{"the device isn't in that call", "as above"}},
	{csta.ErrInvalidActiveConn, explained{"the active call that is named isn't one of the device's", "as above"}},
	{csta.ErrInvalidHeldConn, explained{"the held call that is named isn't one of the device's, or it isn't said which of several", "name it"}},
	{csta.ErrInvalidMonitor, explained{"the session has no monitor of that reference", "`MonitorStart` again; a monitor ends with its session"}},
	{csta.ErrInvalidMonitorObject, explained{"what is to be monitored is neither a device nor a call", "name a device"}},
	{csta.ErrPrivilege, explained{"no right to do that on this line", "`rights`, the directory's owners and delegates, the token's scopes; the audit record has who and what"}},
	{csta.ErrPrivilegeCalled, explained{"no right to reach the called device so: through its do not disturb", "the scope `override`"}},
	{csta.ErrRequestIncompatible, explained{"the phone or the PBX can't do that to this call, or what is named doesn't fit together", "do it at the phone; the detail says why"}},
	{csta.ErrOperation, explained{"the request can't be carried out as it is", "the detail, and the PBX's words"}},
	{csta.ErrNoCallToAnswer, explained{"nothing rings there", "the call went elsewhere or ended: a snapshot tells"}},
	{csta.ErrNoCallToClear, explained{"there is no call to end", "as above"}},
	{csta.ErrNoConnectionToClear, explained{"that party has left already", "as above"}},
	{csta.ErrNoActiveCall, explained{"the device isn't talking", "as above"}},
	{csta.ErrNoHeldCall, explained{"the device holds no call", "as above"}},
	{csta.ErrConnectedCallExists, explained{"the device is talking in another call", "hold or end that one first"}},
	{csta.ErrInvalidConnectionState, explained{"the connection is in a state in which this can't be done", "a snapshot tells its state; clients that race with the user's hand see this"}},
	{csta.ErrInvalidDeviceState, explained{"the device is busy with something else, or in that call already", "wait, or end what it does"}},
	{csta.ErrInvalidCallingState, explained{"the calling phone is busy, or didn't take its own leg of the call", "end what it does; see that it rings or answers by itself"}},
	{csta.ErrStateIncompatible, explained{"the right request at the wrong moment", "a snapshot tells what is; try again"}},
	{csta.ErrDeviceOutOfService, explained{"the phone isn't registered, or its state isn't known", "`farhook doctor LINE`; the phone's own registration"}},
	{csta.ErrResourceOutOfService, explained{"the link to the PBX is down, or what the act needs there is", "`/readyz`, `farhook doctor`; it comes back by itself"}},
	{csta.ErrInternalResourceBusy, explained{"the PBX gave no proof in time: **the outcome is unknown**", "look at the phone, or wait for the events, before trying again"}},
	{csta.ErrNetworkBusy, explained{"no trunk is free, or the way out is congested", "try again later; the PBX's trunks"}},
	{csta.ErrConferenceFull, explained{"the conference takes no more members", "the PBX's limit"}},
	{csta.ErrSystemResource, explained{"the PBX lacks something for it", "the PBX's words"}},
	{csta.ErrMonitorLimit, explained{"the session has as many monitors as it may", "stop one; a client that starts ever more is at fault"}},
	{csta.ErrOutstandingRequests, explained{"too many requests of this kind are under way", "wait for their answers"}},
	{csta.ErrSubscribedResource, explained{"a limit of what may be had at once", "give something back first"}},
	{csta.ErrRateLimit, explained{"too many requests in too short a time", "fewer"}},
	{csta.ErrPerformance, explained{"a limit of how fast it may go", "fewer"}},
	{csta.ErrUnspecified, explained{"a fault of farhook's own; **the outcome is unknown**", "the log has it, under the trace id: report it"}},
}

// sipAnswers are the SIP statuses other than 200.
var sipAnswers = map[int]explained{
	400: {"a header is missing, doubled or malformed, or the CSTA body isn't well-formed XML; the Warning says which", "what is between rewrites messages, or the peer is at fault"},
	403: {"the peer isn't trusted, the user's domain isn't the peer's, the body names no line, or the user has no right on it; the Warning says which", "`peers`, `peers[].domains`, `rights`, the directory"},
	404: {"the line isn't one of any PBX's", "`farhook numbers try`, `farhook doctor USER`; the Line URI"},
	405: {"a method that farhook doesn't take; Allow has those that it does", "nothing: UC servers ask so what there is"},
	413: {"the CSTA body is too large", "the peer is at fault"},
	415: {"the body isn't CSTA: another Content-Type than `application/csta+xml`", "what is between rewrites Content-Type"},
	416: {"the request's URI is neither `sip:` nor `sips:`", "the route's or the peer's configuration"},
	420: {"the peer requires an extension that there isn't; Unsupported names it", "turn it off at the peer"},
	422: {"the session interval is too short; Min-SE has the least", "the peer tries again by itself; `sip.min_session_expires`"},
	469: {"an INFO with Info-Package; Recv-Info has the packages that farhook takes, which are none", "turn it off at the peer: CSTA travels in INFO without a package"},
	480: {"the PBX link of the line is down, and the peer wants to be told so; or not all PBXs have told their phones yet, and nobody knows the line: Retry-After says when", "`peers[].while_down: accept`; `farhook doctor`"},
	481: {"no such dialog: after a restart without `sip.store`, or at another gateway", "the client signs in again by itself; `sip.store`, [troubleshooting.md](troubleshooting.md)"},
	482: {"the same INVITE came by two ways", "a loop, or a fork in the UC server's routes"},
	487: {"a request was cancelled, or its session ended meanwhile", "nothing"},
	491: {"an INVITE while one of farhook's own, which refreshes the session, is under way", "nothing: the peer tries again by itself"},
	500: {"a fault of farhook's own; or an INVITE while an earlier one of the dialog is still carried out: Retry-After says when", "the log has the fault: report it"},
	503: {"not now: draining, memory near its limit, too many connections, sessions or requests; Retry-After says when", "`farhook_refusals_total` and the log say which"},
	505: {"another version of SIP than 2.0", "the peer is at fault"},
}

// restProblems are the statuses that problem documents have.
var restProblems = map[int]explained{
	400: {"the body isn't JSON, or a member of the CSTA request is wrong", "`detail` and `errors` name the members"},
	401: {"nobody, or nobody known: no token, one that has ended, or a wrong password", "sign in, or `farhook access` makes a token"},
	403: {"the right is missing", "the token's or user's scopes and lines; `detail` says which it takes"},
	404: {"nothing there, or nothing that who asks may see", "`/api/v1/devices`, `/api/v1/calls` list what there is"},
	405: {"the path doesn't take this method", "Allow has those that it takes; `/openapi.yaml`"},
	409: {"the wrong moment, a name that is there already, or the first request with this Idempotency-Key still running", "`calls` has what the device is doing now; with the same key, ask again"},
	413: {"the body is too large", "`detail` has the limit"},
	415: {"another Content-Type than the operation takes", "`application/json`; for the raw door CSTA too"},
	422: {"a parameter or member isn't as `/openapi.yaml` says, or the Idempotency-Key was used for another request", "`errors` has where each is, and what is wanted"},
	429: {"too many requests or tries to sign in; or a limit of the standard's", "Retry-After says when"},
	500: {"a fault of farhook's own; the outcome is unknown", "the log has it, under `chain.trace`: report it"},
	501: {"the device doesn't offer the service; or this gateway keeps no history, notes, webhooks or users", "`chain.offers` has what it offers; `web.store`"},
	502: {"the OpenID provider can't be reached", "the log says why; `web.oidc`"},
	503: {"the PBX link is down, the phone isn't registered, the disk takes nothing, or there are too many streams; nothing was done", "`/readyz`; try again"},
	504: {"the PBX gave no proof in time: **the outcome is unknown**", "`call` and `calls` say what to look at; the events will tell"},
}

// errorsPage is the reference of negative answers.
func errorsPage(w io.Writer) error {
	fmt.Fprint(w, `# Errors

Made from the program (`+"`make generate`"+`): every negative answer, what it means, and what helps. By symptom: [troubleshooting.md](troubleshooting.md).

## CSTA errors

In the 200 to an INFO a CSTAErrorCode has category and value, spelt as the standard does; over REST a problem document has the status and the type. A row
without a value is the rest of its category.

| category | value | HTTP | type | it means | what helps |
|---|---|---|---|---|---|
`)
	for _, e := range cstaErrors {
		fmt.Fprintf(w, "| %s | %s | %d | `%s` | %s | %s |\n", e.err.Category, cmp.Or(e.err.Value, "–"), switchboard.HTTPStatus(e.err), switchboard.Type(e.err), e.means, e.cure)
	}
	fmt.Fprint(w, `
## SIP answers

A request of the standard's is refused within a 200; these are for what isn't carried that far. The log has a line with the reason for each that is refused at sign-in, and `+"`farhook_sip_responses_total`"+`
counts them.

| status | it means | what helps |
|---|---|---|
`)
	phrases := uacsta.Statuses()
	for _, status := range slices.Sorted(maps.Keys(phrases)) {
		if x, ok := sipAnswers[status]; ok {
			fmt.Fprintf(w, "| %d %s | %s | %s |\n", status, phrases[status], x.means, x.cure)
		}
	}
	fmt.Fprint(w, `
## REST problems

Every negative answer over HTTP is a problem document (RFC 9457, `+"`application/problem+json`"+`). `+"`type`"+` is there where the standard has a word for it, and one of the types above; `+"`outcome`"+` is
`+"`refused`"+` (nothing has happened) or `+"`unknown`"+`; `+"`chain`"+` has the CSTA error, the PBX's own words, the SIP status and the Q.850 cause behind it, where there are any, and the trace id by which log and
`+"`farhook trace --trace`"+` find it ([integrate.md](integrate.md)).

| status | it means | what helps |
|---|---|---|
`)
	var err error
	for _, status := range slices.Sorted(maps.Keys(restProblems)) {
		x := restProblems[status]
		_, err = fmt.Fprintf(w, "| %d %s | %s | %s |\n", status, http.StatusText(status), x.means, x.cure)
	}
	return err
}
