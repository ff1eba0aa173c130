//go:build !linux

package main

func limitSelf() {}
