package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// rolloutRequest is what POST /api/rollout takes.
type rolloutRequest struct {
	Firmware struct {
		Name    string            `json:"name"`
		Version string            `json:"version"`
		Labels  map[string]string `json:"labels"`
	} `json:"firmware"`
	Nodes []version `json:"nodes"`
}

// rolloutAnswer is what it answers.
type rolloutAnswer struct {
	Success     bool   `json:"success"`
	Message     string `json:"message"`
	RolloutID   string `json:"rolloutId"`
	TotalNodes  int    `json:"totalNodes"`
	FirmwareURL string `json:"firmwareUrl"`
}

// maxRequest bounds a request, in bytes: a firmware has four megabytes of flash
// at the most.
const maxRequest = 8 << 20

func (g *Gateway) rollout(w http.ResponseWriter, r *http.Request) {
	var request rolloutRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&request); err != nil {
		refuse(w, http.StatusBadRequest, "the rollout cannot be read: "+err.Error())
		return
	}
	f := request.Firmware
	known, ok := g.firmware(f.Name, f.Version)
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, fmt.Sprintf("the registry has no firmware %s %s", f.Name, f.Version))
		return
	case len(request.Nodes) == 0:
		refuse(w, http.StatusBadRequest, "the rollout names no nodes")
		return
	}
	answer := rolloutAnswer{
		Success: true, Message: fmt.Sprintf("Rollout started for %d nodes", len(request.Nodes)),
		RolloutID: fmt.Sprintf("rollout_%d", g.now().Unix()), TotalNodes: len(request.Nodes),
		FirmwareURL: fmt.Sprintf("http://%s/firmware/%s/%s", r.Host, known.Name, known.Version),
	}
	g.work.Go(func() { g.rollOut(answer.RolloutID, known, request.Nodes) })
	reply(w, http.StatusOK, answer)
}

// uploadStep is how long a quarter of an upload takes.
const uploadStep = 50 * time.Millisecond

// progress is what the WebSocket hears of a rollout, with the topic
// firmware/progress.
type progress struct {
	RolloutID string `json:"rolloutId"`
	NodeIP    string `json:"node_ip"`
	Version   string `json:"version"`
	Status    string `json:"status"` // uploading, completed or failed
	Progress  int    `json:"progress"`
	Done      int    `json:"done"` // nodes
	Total     int    `json:"total"`
}

func (g *Gateway) rollOut(id string, f firmware, nodes []version) {
	p := progress{RolloutID: id, Version: f.Version, Total: len(nodes)}
	tick := time.NewTicker(uploadStep)
	defer tick.Stop()
	for _, n := range nodes {
		p.NodeIP, p.Status = n.IP, "uploading"
		for p.Progress = 0; p.Progress < 100; p.Progress += 25 {
			g.event("firmware/progress", p)
			select {
			case <-tick.C:
			case <-g.life.Done():
				return
			}
		}
		p.Status = "failed"
		if g.nodes.Order(n.IP, f.Version) {
			p.Status = "completed"
			p.Done++
		}
		g.event("firmware/progress", p)
	}
}

func (g *Gateway) firmware(name, version string) (firmware, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, f := range g.firmwares {
		if f.Name == name && f.Version == version {
			return f, true
		}
	}
	return firmware{}, false
}

func (g *Gateway) listFirmware(w http.ResponseWriter, r *http.Request) {
	name, version := r.URL.Query().Get("name"), r.URL.Query().Get("version")
	list := []firmware{}
	g.mu.Lock()
	for _, f := range g.firmwares {
		if (name == "" || f.Name == name) && (version == "" || f.Version == version) {
			list = append(list, f)
		}
	}
	g.mu.Unlock()
	reply(w, http.StatusOK, list)
}

func (g *Gateway) fetchFirmware(w http.ResponseWriter, r *http.Request) {
	f, ok := g.firmware(r.PathValue("name"), r.PathValue("version"))
	if !ok {
		refuse(w, http.StatusNotFound, "the registry has no such firmware")
		return
	}
	content := f.content
	if content == nil {
		content = bytes.Repeat([]byte{0xff}, f.Size) // erased flash
		copy(content, "\xe9SPORE "+f.Version)        // an ESP image begins with 0xe9
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(content)
}

// addFirmware takes multipart/form-data with metadata, as JSON, and firmware.
func (g *Gateway) addFirmware(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	var f firmware
	if err := json.Unmarshal([]byte(r.FormValue("metadata")), &f); err != nil || f.Name == "" || f.Version == "" {
		refuse(w, http.StatusBadRequest, "metadata has to be JSON with name, version and labels")
		return
	}
	file, _, err := r.FormFile("firmware")
	if err != nil {
		refuse(w, http.StatusBadRequest, "the form has no firmware: "+err.Error())
		return
	}
	defer file.Close()
	if f.content, err = io.ReadAll(file); err != nil {
		refuse(w, http.StatusBadRequest, "the firmware cannot be read: "+err.Error())
		return
	}
	f.Size = len(f.content)
	g.mu.Lock()
	g.firmwares = append(slices.DeleteFunc(g.firmwares, func(o firmware) bool { return o.Name == f.Name && o.Version == f.Version }), f)
	g.mu.Unlock()
	reply(w, http.StatusCreated, map[string]any{"success": true, "name": f.Name, "version": f.Version, "size": f.Size})
}
