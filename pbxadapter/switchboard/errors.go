package switchboard

import (
	"errors"
	"net/url"

	"farhook/csta"
)

// status is the HTTP status of each negative answer: the most telling value first, then whole categories.
var status = map[[2]string]int{
	key(csta.ErrServiceNotSupported):    501,
	key(csta.ErrInvalidParameterValue):  400,
	key(csta.ErrParameterMissing):       400,
	key(csta.ErrValueOutOfRange):        400,
	key(csta.ErrInvalidForwardingType):  400,
	key(csta.ErrInvalidCalledDeviceID):  400,
	key(csta.ErrInvalidDestination):     400,
	key(csta.ErrInvalidForwardingDest):  400,
	key(csta.ErrInvalidMonitorObject):   400,
	key(csta.ErrInvalidDeviceID):        404,
	key(csta.ErrInvalidCallingDeviceID): 404,
	key(csta.ErrInvalidCallID):          404,
	key(csta.ErrInvalidConnectionID):    404,
	key(csta.ErrInvalidActiveConn):      404,
	key(csta.ErrInvalidHeldConn):        404,
	key(csta.ErrInvalidMonitor):         404,
	key(csta.ErrPrivilege):              403,
	key(csta.ErrPrivilegeCalled):        403,
	key(csta.ErrRequestIncompatible):    409,
	key(csta.ErrOperation):              400,
	key(csta.ErrStateIncompatible):      409,
	key(csta.ErrMonitorLimit):           429,
	key(csta.ErrSubscribedResource):     429,
	key(csta.ErrPerformance):            429,
	key(csta.ErrInternalResourceBusy):   504,
	key(csta.ErrDeviceOutOfService):     503,
	key(csta.ErrResourceOutOfService):   503,
	key(csta.ErrSystemResource):         503,
	key(csta.ErrUnspecified):            500,
}

func key(e *csta.Error) [2]string { return [2]string{e.Category, e.Value} }

// HTTPStatus is the status under which an error of Do is answered over HTTP; 500 for faults.
func HTTPStatus(err error) int {
	var e *csta.Error
	if errors.As(err, &e) {
		if s, ok := status[key(e)]; ok {
			return s
		}
		if s, ok := status[[2]string{e.Category, ""}]; ok {
			return s
		}
	}
	return 500
}

// Type is the problem type of an error of Do: urn:csta:error:<category>:<value>.
func Type(err error) string {
	var e *csta.Error
	if !errors.As(err, &e) {
		e = csta.ErrUnspecified
	}
	t := "urn:csta:error:" + url.PathEscape(e.Category)
	if e.Value != "" {
		t += ":" + url.PathEscape(e.Value)
	}
	return t
}
