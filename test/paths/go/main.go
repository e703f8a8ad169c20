// Answers each request with what net/http and its ServeMux read in the request target.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
)

type reading struct {
	Path     string `json:"path"`
	Query    string `json:"query"`
	Clean    string `json:"clean"`
	Mux      int    `json:"mux"`
	Location string `json:"location"`
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		routed := httptest.NewRecorder()
		mux.ServeHTTP(routed, r)
		text, _ := json.Marshal(reading{
			Path:     r.URL.Path,
			Query:    r.URL.RawQuery,
			Clean:    path.Clean(r.URL.Path),
			Mux:      routed.Code,
			Location: routed.Header().Get("Location"),
		})
		_, _ = w.Write(text)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
