package main

import (
	"testing"

	"github.com/camcast/camcast/cmd/commandline/commandlinetest"
)

// TestHelpFits wants --help in lines that fit, with examples that can be copied.
func TestHelpFits(t *testing.T) { commandlinetest.CheckHelp(t, newProgram(new(rawFlags))) }
