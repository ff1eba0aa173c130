package csta

import "fmt"

// Error is a negative answer of the standard (CSTAErrorCode), and our only error with a meaning. Category is the element
// (operation, stateIncompatibility, systemResourceAvailibility, …), Value its text. Spelling comes from the schema.
type Error struct {
	Category, Value string
	PBX             string // what the PBX said, cleaned: for the log, and for HTTP to those who may control
	SIP             int    // the SIP status behind it (RFC 3261, 21), where the PBX tells one; 0: none
	Q850            int    // the cause value of ITU-T Q.850 behind it, likewise
	Err             error  // the cause, for the log only
}

// Element makes an Error a Message.
func (*Error) Element() string { return "CSTAErrorCode" }

// Error says category/value, then the cause.
func (e *Error) Error() string {
	s := e.Category
	if e.Value != "" {
		s += "/" + e.Value
	}
	if e.PBX != "" {
		s += ": " + e.PBX
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches an *Error of the same category and value; a target without a value matches its whole category.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Category == e.Category && (t.Value == "" || t.Value == e.Value)
}

// With is the same answer with its cause for the log: an error, or anything printable.
func (e *Error) With(cause any) *Error {
	c := *e
	if err, ok := cause.(error); ok {
		c.Err = err
	} else {
		c.Err = fmt.Errorf("%v", cause)
	}
	return &c
}

// Says is the same answer with the PBX's own words.
func (e *Error) Says(pbx string) *Error {
	c := *e
	c.PBX = pbx
	return &c
}

// Coded is the same answer with the SIP status and the Q.850 cause that the PBX tells; 0 for one that it doesn't.
func (e *Error) Coded(sip, q850 int) *Error {
	c := *e
	c.SIP, c.Q850 = sip, q850
	return &c
}

// Whole categories, for errors.Is.
var (
	ErrOperation           = &Error{Category: "operation"}
	ErrStateIncompatible   = &Error{Category: "stateIncompatibility"}
	ErrSystemResource      = &Error{Category: "systemResourceAvailibility"} // sic, ECMA-323
	ErrSubscribedResource  = &Error{Category: "subscribedResourceAvailability"}
	ErrPerformance         = &Error{Category: "performanceManagement"}
	ErrUnspecified         = &Error{Category: "unspecified"}
	ErrServiceNotSupported = operation(OperationErrorsServiceNotSupported)
)

// Answers with category operation: the request cannot be carried out as it stands.
var (
	ErrInvalidParameterValue  = operation(OperationErrorsInvalidParameterValue)
	ErrParameterMissing       = operation(OperationErrorsAtLeastOneConditionalParameterNotProvided)
	ErrValueOutOfRange        = operation(OperationErrorsValueOutOfRange)
	ErrInvalidDeviceID        = operation(OperationErrorsInvalidDeviceID)
	ErrInvalidCallingDeviceID = operation(OperationErrorsInvalidCallingDeviceID)
	ErrInvalidCalledDeviceID  = operation(OperationErrorsInvalidCalledDeviceID)
	ErrInvalidDestination     = operation(OperationErrorsInvalidDestination)
	ErrInvalidForwardingDest  = operation(OperationErrorsInvalidForwardingDestination)
	ErrInvalidForwardingType  = operation(OperationErrorsInvalidForwardingType)
	ErrInvalidCallID          = operation(OperationErrorsInvalidCallID)
	ErrInvalidConnectionID    = operation(OperationErrorsInvalidConnectionID)
	ErrInvalidActiveConn      = operation(OperationErrorsInvalidActiveConnectionID)
	ErrInvalidHeldConn        = operation(OperationErrorsInvalidHeldConnectionID)
	ErrInvalidMonitor         = operation(OperationErrorsInvalidMonitorCrossRefID)
	ErrInvalidMonitorObject   = operation(OperationErrorsInvalidMonitorObject)
	ErrPrivilege              = operation(OperationErrorsPrivilegeViolationSpecifiedDevice)
	ErrPrivilegeCalled        = operation(OperationErrorsPrivilegeViolationCalledDevice)
	ErrRequestIncompatible    = operation(OperationErrorsRequestIncompatibleWithObject)
)

// Answers with category stateIncompatibility: right request, wrong moment.
var (
	ErrNoCallToAnswer         = state(StateIncompatibilityErrorsNoCallToAnswer)
	ErrNoCallToClear          = state(StateIncompatibilityErrorsNoCallToClear)
	ErrNoConnectionToClear    = state(StateIncompatibilityErrorsNoConnectionToClear)
	ErrNoActiveCall           = state(StateIncompatibilityErrorsNoActiveCall)
	ErrNoHeldCall             = state(StateIncompatibilityErrorsNoHeldCall)
	ErrConnectedCallExists    = state(StateIncompatibilityErrorsConnectedCallExists)
	ErrInvalidConnectionState = state(StateIncompatibilityErrorsInvalidConnectionState)
	ErrInvalidDeviceState     = state(StateIncompatibilityErrorsInvalidDeviceState)
	ErrInvalidCallingState    = state(StateIncompatibilityErrorsInvalidCallingDeviceState)
)

// Answers about resources.
var (
	ErrDeviceOutOfService   = resource(SystemResourceAvailabilityErrorsDeviceOutOfService)
	ErrResourceOutOfService = resource(SystemResourceAvailabilityErrorsResourceOutOfService)
	ErrInternalResourceBusy = resource(SystemResourceAvailabilityErrorsInternalResourceBusy)
	ErrNetworkBusy          = resource(SystemResourceAvailabilityErrorsNetworkBusy)
	ErrConferenceFull       = resource(SystemResourceAvailabilityErrorsConferenceMemberLimitExceeded)
	ErrMonitorLimit         = &Error{Category: ErrSubscribedResource.Category, Value: string(SubscribedResourceAvailabilityErrorsObjectMonitorLimitExceeded)}
	ErrOutstandingRequests  = &Error{Category: ErrSubscribedResource.Category, Value: string(SubscribedResourceAvailabilityErrorsOutstandingReqLimitExceeded)}
	ErrRateLimit            = &Error{Category: ErrPerformance.Category, Value: string(PerformanceManagementErrorsPerformanceLimitExceeded)}
)

func operation(v OperationErrors) *Error { return &Error{Category: "operation", Value: string(v)} }

func state(v StateIncompatibilityErrors) *Error {
	return &Error{Category: "stateIncompatibility", Value: string(v)}
}

func resource(v SystemResourceAvailabilityErrors) *Error {
	return &Error{Category: "systemResourceAvailibility", Value: string(v)}
}
