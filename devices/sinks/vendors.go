package sinks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	asText = "text/plain; charset=utf-8"
	asJSON = "application/json"
)

// NewWebhook returns a sink that takes any POST and answers 200 with an empty
// body.
func NewWebhook() *Recorder {
	return newRecorder(func(r Request) answer {
		if r.Method != http.MethodPost {
			return answer{http.StatusMethodNotAllowed, asText, "expected POST"}
		}
		return answer{http.StatusOK, "", ""}
	})
}

// ChatPostMessage is the path at which NewSlack's sink is chat.postMessage; at
// any other it is an incoming webhook.
const ChatPostMessage = "/api/chat.postMessage"

// NewSlack returns a sink for both of Slack's ways in. An incoming webhook
// answers "ok", chat.postMessage {"ok":true} or, with status 200, an error.
// https://api.slack.com/messaging/webhooks https://api.slack.com/methods/chat.postMessage
func NewSlack() *Recorder {
	return newRecorder(func(r Request) answer {
		fault := slackFault(r)
		switch {
		case r.Path == ChatPostMessage && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			return answer{http.StatusOK, asJSON, `{"ok":false,"error":"not_authed"}`}
		case r.Path == ChatPostMessage && fault != "":
			return answer{http.StatusOK, asJSON, fmt.Sprintf(`{"ok":false,"error":%q}`, fault)}
		case r.Path == ChatPostMessage:
			return answer{http.StatusOK, asJSON, `{"ok":true,"channel":"C1","ts":"1503435956.000247"}`}
		case fault != "":
			return answer{http.StatusBadRequest, asText, fault}
		}
		return answer{http.StatusOK, asText, "ok"}
	})
}

func slackFault(r Request) string {
	var message struct {
		Channel     string
		Text        string
		Attachments []struct{ Text, Title, Fallback string }
	}
	switch err := json.Unmarshal(r.Body, &message); {
	case err != nil || r.Method != http.MethodPost:
		return "invalid_payload"
	case r.Path == ChatPostMessage && message.Channel == "":
		return "channel_not_found"
	case message.Text == "" && len(message.Attachments) == 0:
		return "no_text"
	case len(message.Attachments) > 100:
		return "too_many_attachments"
	case utf8.RuneCountInString(message.Text) > 40_000:
		return "msg_too_long"
	}
	return ""
}

// PagerDutyEvent is an event as PagerDuty reads it.
type PagerDutyEvent struct {
	RoutingKey  string `json:"routing_key"`
	EventAction string `json:"event_action"`
	DedupKey    string `json:"dedup_key"`
	Payload     struct {
		Summary  string `json:"summary"`
		Source   string `json:"source"`
		Severity string `json:"severity"`
	} `json:"payload"`
}

// NewPagerDuty returns a sink for the Events API version 2. It answers 202, and
// 400 to what PagerDuty's documentation says it does not take.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
func NewPagerDuty() *Recorder {
	return newRecorder(func(r Request) answer {
		var e PagerDutyEvent
		if faults := pagerDutyFaults(r, &e); len(faults) > 0 {
			body, _ := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": faults})
			return answer{http.StatusBadRequest, asJSON, string(body)}
		}
		return answer{http.StatusAccepted, asJSON, fmt.Sprintf(`{"status":"success","message":"Event processed","dedup_key":%q}`, e.DedupKey)}
	})
}

func pagerDutyFaults(r Request, e *PagerDutyEvent) (faults []string) {
	check := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, fault)
		}
	}
	check(r.Method == http.MethodPost && json.Unmarshal(r.Body, e) == nil, "JSON parse error")
	check(len(r.Body) <= 512<<10, "the event is larger than 512 KB")
	check(len(e.RoutingKey) == 32, "Length of 'routing_key' is incorrect (should be 32 characters)")
	check(slices.Contains([]string{"trigger", "acknowledge", "resolve"}, e.EventAction), "'event_action' is invalid")
	check(len(e.DedupKey) <= 255, "'dedup_key' is too long")
	if e.EventAction == "trigger" {
		check(e.Payload.Summary != "" && utf8.RuneCountInString(e.Payload.Summary) <= 1024, "'payload.summary' is missing or too long")
		check(e.Payload.Source != "", "'payload.source' is missing")
		check(slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity), "'payload.severity' is invalid")
	} else {
		check(e.DedupKey != "", "'dedup_key' is missing")
	}
	return faults
}

// NewOpsGenie returns a sink for the alert API of OpsGenie and of Jira Service
// Management, wherever its path begins. It answers 202, and 422 to an alert that
// is too large.
// https://docs.opsgenie.com/docs/alert-api
func NewOpsGenie() *Recorder {
	return newRecorder(func(r Request) answer {
		var a struct{ Message, Description, Alias string }
		_, path, ours := strings.Cut(r.Path, "/v2/alerts")
		switch {
		case !strings.HasPrefix(r.Header.Get("Authorization"), "GenieKey "):
			return answer{http.StatusUnauthorized, asJSON, `{"message":"Could not authenticate","took":0.1,"requestId":"1"}`}
		case !ours:
			return answer{http.StatusNotFound, asJSON, `{"message":"no such path"}`}
		case json.Unmarshal(r.Body, &a) != nil:
			return answer{http.StatusBadRequest, asJSON, `{"message":"Request body is not processable"}`}
		case path == "" && (a.Message == "" || utf8.RuneCountInString(a.Message) > 130 || utf8.RuneCountInString(a.Description) > 15_000):
			return answer{http.StatusUnprocessableEntity, asJSON, `{"message":"Request body is not processable. Please check the errors."}`}
		}
		return answer{http.StatusAccepted, asJSON, `{"result":"Request will be processed","took":0.302,"requestId":"43a29c5c-3dbf-4fa4-9c26-f4f71023e120"}`}
	})
}
