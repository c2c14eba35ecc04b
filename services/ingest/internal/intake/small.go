package intake

import (
	"log/slog"
	"net/http"
	"strings"
)

// check says that we are there:
//
//	{"error":null,"data":"OK"}
func check(*Intake, *request) (answer, error) {
	return answer{body: []byte(`{"error":null,"data":"OK"}`)}, nil
}

// version says what we are, in Perseo's form.
func version(in *Intake, _ *request) (answer, error) {
	type data struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Version     string `json:"version"`
	}
	return answer{body: inJSON(struct {
		Error any  `json:"error"`
		Data  data `json:"data"`
	}{Data: data{"weir", "takes in what fleets of devices measure", in.cfg.Version}})}, nil
}

// levels are the names of the log's levels, with those of Perseo's that we have no
// level of our own for.
var levels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "WARNING": slog.LevelWarn,
	"ERROR": slog.LevelError, "FATAL": slog.LevelError,
}

// logLevel says the log's level: {"level":"INFO"}.
func logLevel(in *Intake, r *request) (answer, error) {
	if err := in.mayAdminister(r); err != nil {
		return answer{}, err
	}
	level := slog.LevelInfo
	if in.cfg.Level != nil {
		level = in.cfg.Level.Level()
	}
	return answer{body: inJSON(map[string]string{"level": level.String()})}, nil
}

// setLogLevel changes it to the parameter level.
func setLogLevel(in *Intake, r *request) (answer, error) {
	if err := in.mayAdminister(r); err != nil {
		return answer{}, err
	}
	level, known := levels[strings.ToUpper(r.query.Get("level"))]
	if !known {
		return answer{}, &problem{code: http.StatusBadRequest, text: "invalid log level", wrapped: true}
	}
	if in.cfg.Level == nil {
		return answer{}, &problem{code: http.StatusNotImplemented, text: "the log level is fixed", wrapped: true}
	}
	in.cfg.Level.Set(level)
	return answer{}, nil
}

// mayAdminister returns why the sender may not: where users are known, it takes
// one that may publish everything.
func (in *Intake) mayAdminister(r *request) error {
	if in.cfg.Users == nil {
		return nil
	}
	if err := in.authenticate(r); err != nil {
		return err
	}
	if !in.cfg.Users.MayPublishAll(r.user) {
		return &problem{code: http.StatusForbidden, text: "this takes a user that may publish everything"}
	}
	return nil
}
