package main

import (
	"context"
	"net/url"

	"go.uber.org/zap"

	"farhook/cmd/farhook/telemetry"
	"farhook/pbxadapter/numbering"
)

// TelemetryConfig is where OpenTelemetry traces go.
type TelemetryConfig struct {
	Endpoint string            `yaml:"endpoint"` // URL of a collector that speaks OTLP over HTTP; empty: none
	Headers  map[string]Secret `yaml:"headers"`  // of each request to it
	Sample   float64           `yaml:"sample"`   // share of the traces that begin here
}

// telemetryWrongs complains of what is wrong with it.
func (c Config) telemetryWrongs(complain func(path, format string, args ...any)) {
	t := c.Telemetry
	if t.Endpoint != "" {
		u, err := url.Parse(t.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
			complain("$.telemetry.endpoint", "%q is not the URL of a collector, such as http://127.0.0.1:4318", t.Endpoint)
		}
	}
	if !(t.Sample >= 0 && t.Sample <= 1) {
		complain("$.telemetry.sample", "%v is out of range: 0 to 1", t.Sample)
	}
}

// newTelemetry makes what tells a collector of every request; nil: nobody wants to know.
func (c Config) newTelemetry(log *zap.Logger) (*telemetry.Exporter, error) {
	if c.Telemetry.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil exporter is none
	}
	t := telemetry.Config{Endpoint: c.Telemetry.Endpoint, Headers: map[string]string{}, Sample: c.Telemetry.Sample, Version: versionText(), Mask: numbering.Masked, Log: log}
	if c.Log.Numbers == NumbersFull {
		t.Mask = func(s string) string { return s }
	}
	for name, value := range c.Telemetry.Headers {
		t.Headers[name] = string(value)
	}
	return telemetry.New(context.Background(), t)
}
