package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// API is a plain client of a server, for what is not measured.
type API struct {
	Base string // scheme and host
	HTTP *http.Client
}

func newAPI(base string, config *tls.Config) *API {
	return &API{Base: base, HTTP: &http.Client{
		Timeout:   2 * patience,
		Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 16},
	}}
}

// ready asks whether the server wants requests.
func (a *API) ready(ctx context.Context) error {
	_, err := a.get(ctx, "/ready")
	return err
}

// healthy asks whether the server answers.
func (a *API) healthy(ctx context.Context) error {
	_, err := a.get(ctx, "/health")
	return err
}

// post sends in as JSON and decodes an answer of 200 or 201 into out.
func (a *API) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	answer, err := a.send(ctx, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("post %s: %w", path, err)
	}
	return nil
}

// send sends a body of JSON and gives the body of an answer of 200 or 201.
func (a *API) send(ctx context.Context, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("post %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := a.do(req)
	if err != nil {
		return nil, fmt.Errorf("post %s: %w", path, err)
	}
	return answer, nil
}

// get gives the body of an answer of 200.
func (a *API) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	answer, err := a.do(req)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	return answer, nil
}

func (a *API) do(req *http.Request) ([]byte, error) {
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("status %d: %.300s", resp.StatusCode, body)
	}
	return body, nil
}
