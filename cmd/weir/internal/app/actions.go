package app

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"weir/cmd/weir/internal/config"
	"weir/services/alerter"
)

// twitterKeys is the file of twitter_keys_file.
type twitterKeys struct {
	ConsumerKey       string `yaml:"consumer_key"`
	ConsumerSecret    string `yaml:"consumer_secret"`
	AccessTokenKey    string `yaml:"access_token_key"`
	AccessTokenSecret string `yaml:"access_token_secret"`
}

// actionSettings reads the secrets that tenants' actions need.
func actionSettings(c config.Config) (s alerter.ActionSettings, err error) {
	s.SMSURL, s.SMSFrom, s.ContextBrokerURL = c.SMSURL, c.SMSFrom, c.ContextBrokerURL
	if s.SMSAPIKey, err = secret("sms_key_file", c.SMSKeyFile); err != nil {
		return s, err
	}
	if s.SMSAPISecret, err = secret("sms_secret_file", c.SMSSecretFile); err != nil {
		return s, err
	}
	if c.TwitterKeysFile == "" {
		return s, nil
	}
	data, err := os.ReadFile(c.TwitterKeysFile)
	if err != nil {
		return s, fmt.Errorf("read twitter_keys_file: %w", err)
	}
	var keys twitterKeys
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&keys); err != nil {
		return s, fmt.Errorf("read twitter_keys_file %s: %w", c.TwitterKeysFile, err)
	}
	s.Twitter = alerter.OAuth1{
		ConsumerKey: keys.ConsumerKey, ConsumerSecret: keys.ConsumerSecret,
		Token: keys.AccessTokenKey, TokenSecret: keys.AccessTokenSecret,
	}
	return s, nil
}

// secret reads a file with a secret, less the space around it; "" for no file.
func secret(key, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	return strings.TrimSpace(string(data)), nil
}
