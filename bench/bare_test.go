package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

func TestBareServerGivesItsAnswerUntilItsInputEnds(t *testing.T) {
	t.Parallel()
	input, control := io.Pipe()
	said, output := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveBare(input, output) }()
	if _, err := io.WriteString(control, "the answer\n"); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	got, err := ask(strings.TrimSpace(address), postJSON("/anything", "token", `{"count":0}`))
	if err != nil || string(got) != "the answer" {
		t.Errorf("the bare server answered %q, %v", got, err)
	}
	if err := control.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the bare server ended with %v", err)
	}
}
