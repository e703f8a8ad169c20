// Translator prints, for each case of a JSON-lines file, the Envoy filters that Istio's own control plane code builds from its
// objects: what attaches, what validation says, the HTTP filter chain and the TCP filter chain.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Case is the part of a case that the translator reads; requests and answers are left alone.
type Case struct {
	ID             string            `json:"id"`
	Mesh           json.RawMessage   `json:"mesh"`
	Workload       Workload          `json:"workload"`
	Service        *Service          `json:"service"`
	UseFilterState bool              `json:"useFilterState"`
	Objects        []json.RawMessage `json:"objects"`
}

// Workload names the proxy that the filters are for. Kind is sidecar (default), gateway or waypoint.
type Workload struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Kind      string            `json:"kind"`
}

// Service is the service whose chain a waypoint builds.
type Service struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Translation is one line of the answer. Filters are protobuf JSON with the names of the proto files.
type Translation struct {
	ID         string              `json:"id"`
	Error      string              `json:"error,omitempty"`
	Validation []Finding           `json:"validation"`
	Attached   map[string][]string `json:"attached"`
	HTTP       []json.RawMessage   `json:"http"`
	TCP        []json.RawMessage   `json:"tcp"`
}

// Finding is what the webhook's code says about one object.
type Finding struct {
	Name     string   `json:"name"`
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "translator:", err)
		os.Exit(1)
	}
}

func run() error {
	quiet()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	keys, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		if len(in.Bytes()) == 0 {
			continue
		}
		var c Case
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			return err
		}
		t, err := translate(c, string(keys))
		if err != nil {
			t = Translation{ID: c.ID, Error: err.Error()}
		}
		if err := encoder.Encode(t); err != nil {
			return err
		}
	}
	return in.Err()
}
