package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLog writes lines for people or for machines; the level can be changed. The configuration has been checked before.
func newLog(c LogConfig, to io.Writer) (*zap.Logger, zap.AtomicLevel) {
	level, err := zapcore.ParseLevel(c.Level)
	if err != nil {
		level = zapcore.InfoLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	encoder := zapcore.NewJSONEncoder(enc)
	if c.Format != "json" {
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		enc.ConsoleSeparator = "  "
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	changeable := zap.NewAtomicLevelAt(level)
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(to)), changeable)
	if c.Numbers != NumbersFull {
		core = numberless{core}
	}
	return zap.New(core), changeable
}
