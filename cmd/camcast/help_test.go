package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/camcast/camcast/cmd/commandline/commandlinetest"
)

// TestHelpFits wants --help in lines that fit, with examples that can be copied.
func TestHelpFits(t *testing.T) {
	p := newCommands(console{})
	commandlinetest.CheckHelp(t, p)
	for _, command := range p.Commands {
		commandlinetest.CheckHelp(t, command)
	}
}

// TestExamples wants the examples of README and docs to be such that can be copied.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md", "../../ARCHITECTURE.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		commandlinetest.CheckExamples(t, filepath.Base(file), string(text))
	}
}
