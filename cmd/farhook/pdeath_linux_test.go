package main

import "syscall"

// diesWithUs lets a process end when the test's does, however that comes.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
