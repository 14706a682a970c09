// Command pod is what pods of the node and of its checks run: the first process of every pod, and the ends of
// connections that are tried.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const usage = `usage: pod pause                  until it is told to end
       pod serve ADDRESS:PORT     accept connections
       pod print FILE
       pod reach LABEL=TARGET...  say what is open: a name that resolves, or a NAME:PORT that accepts a connection`

// A packet that nobody answers is noticed after this time.
const patience = 3 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 1 && words[0] == "pause":
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM, syscall.SIGINT)
		<-told
		return nil
	case len(words) == 2 && words[0] == "serve":
		return serve(words[1])
	case len(words) == 2 && words[0] == "print":
		text, err := os.ReadFile(words[1])
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(text)
		return err
	case len(words) > 1 && words[0] == "reach":
		reach(words[1:])
		return nil
	}
	return fmt.Errorf("%s", usage)
}

func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		connection.Close()
	}
}

// All at once: where everything is refused, one after another would take long.
func reach(targets []string) {
	var tried sync.WaitGroup
	for _, target := range targets {
		tried.Go(func() {
			label, target, _ := strings.Cut(target, "=")
			seen := "open"
			if err := try(target); err != nil {
				seen = "refused"
				fmt.Fprintln(os.Stderr, label, err)
			}
			fmt.Printf("%s=%s\n", label, seen)
		})
	}
	tried.Wait()
}

func try(target string) error {
	limit, end := context.WithTimeout(context.Background(), patience)
	defer end()
	if !strings.Contains(target, ":") {
		_, err := net.DefaultResolver.LookupHost(limit, target)
		return err
	}
	connection, err := new(net.Dialer).DialContext(limit, "tcp", target)
	if err == nil {
		connection.Close()
	}
	return err
}
