// Answers each message of the kind "ask" with the SHA-256 of its body, as a message of the kind "told".
//
//	go run fingerprint.go DIR
//
// DIR is the directory of a client that runs (`loopixmix client run DIR`). The standard library is enough.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type received struct {
	Number    int     `json:"number"`
	MessageID string  `json:"message_id"`
	Sender    *string `json:"sender"`
	Body      []byte  `json:"body"` // null if it is long
}

type daemon struct {
	url, token string
	client     *http.Client
}

// A daemon that was started anew listens at another port: the files are read before each connection.
func findDaemon(directory string) (*daemon, error) {
	// After a crash another program may have the port, and would be shown the token. A daemon that runs holds its lock;
	// the number in that file tells nothing, because another process may have it by now.
	lock, err := os.Open(filepath.Join(directory, "client.lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return nil, errors.New("the client does not run")
	}
	// The token first: so a new one is never sent to an old address.
	token, err := os.ReadFile(filepath.Join(directory, "api.token"))
	if err != nil {
		return nil, err
	}
	url, err := os.ReadFile(filepath.Join(directory, "api.url"))
	if err != nil {
		return nil, err
	}
	// A transport of its own without a proxy: a proxy would see the token.
	client := &http.Client{Transport: &http.Transport{Proxy: nil}}
	return &daemon{strings.TrimSpace(string(url)), strings.TrimSpace(string(token)), client}, nil
}

func (d *daemon) open(method, target string, body []byte) (*http.Response, error) {
	request, err := http.NewRequest(method, d.url+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		reason, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%s %s: %s %s", method, target, response.Status, reason)
	}
	return response, nil
}

func (d *daemon) call(method, target string, body []byte) ([]byte, error) {
	response, err := d.open(method, target, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

func (d *daemon) answer(message received) error {
	if message.Sender == nil {
		return nil // an anonymous message has no address to answer to
	}
	body := message.Body
	if body == nil {
		var err error
		if body, err = d.call("GET", fmt.Sprintf("/v1/inbox/%d/body", message.Number), nil); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	// The same message, answered twice, has the same key: the daemon sends the answer once.
	letter, err := json.Marshal(map[string]any{
		"to":              *message.Sender,
		"kind":            "told",
		"idempotency_key": message.MessageID,
		"body":            []byte(hex.EncodeToString(sum[:])), // encoding/json writes bytes as base64
	})
	if err != nil {
		return err
	}
	_, err = d.call("POST", "/v1/messages", letter)
	return err
}

// The lines of server-sent events that this API uses: `event`, one line of `data`, comments.
func (d *daemon) follow() error {
	response, err := d.open("GET", "/v1/received?kind=ask", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	var name, subscription string
	for lines.Scan() {
		line := lines.Text()
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case isData && name == "subscribed":
			var subscribed struct{ Subscription string }
			if err := json.Unmarshal([]byte(data), &subscribed); err != nil {
				return err
			}
			subscription = subscribed.Subscription
		case isData && name == "message":
			var message received
			if err := json.Unmarshal([]byte(data), &message); err != nil {
				return err
			}
			word := "handled"
			if err := d.answer(message); err != nil {
				// The sender is no contact, for example. The message comes again later, and holds up no other.
				fmt.Fprintln(os.Stderr, err)
				word = "failed"
			}
			target := fmt.Sprintf("/v1/received/%s/%d/%s", subscription, message.Number, word)
			if _, err := d.call("POST", target, nil); err != nil {
				return err
			}
			if word == "handled" {
				fmt.Printf("answered message %d\n", message.Number)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return fmt.Errorf("the stream ended")
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fingerprint DIR")
		os.Exit(2)
	}
	for {
		d, err := findDaemon(os.Args[1])
		if err == nil {
			err = d.follow()
		}
		fmt.Fprintf(os.Stderr, "%v; trying again\n", err)
		time.Sleep(time.Second)
	}
}
