package schema

// Counter identifies one of a tenant's operational counters, as Perseo's
// metrics API names them. Its number is part of the frame and state formats.
type Counter uint8

// The counters. Every transaction, good or bad, counts as incoming.
const (
	IncomingTransactions Counter = iota
	IncomingRequestSize
	IncomingResponseSize
	IncomingErrors
	OutgoingTransactions
	OutgoingRequestSize
	OutgoingResponseSize
	OutgoingErrors
	Notifications
	OkNotifications
	FailedNotifications
	RuleCreation
	OkRuleCreation
	FailedRuleCreation
	RuleUpdate
	OkRuleUpdate
	FailedRuleUpdate
	RuleDeletion
	OkRuleDeletion
	FailedRuleDeletion
	FiredRules
	ErrAction
	ActionEntityFilter
	ActionEntityUpdate
	OkActionEntityUpdate
	FailedActionEntityUpdate
	ActionSMS
	OkActionSMS
	FailedActionSMS
	ActionSMPP
	OkActionSMPP
	FailedActionSMPP
	ActionEmail
	OkActionEmail
	FailedActionEmail
	ActionHTTPPost
	OkActionHTTPPost
	FailedActionHTTPPost
	ActionTwitter
	OkActionTwitter
	FailedActionTwitter
	NumCounters // how many counters there are; not one itself
)

// CounterInfo describes a counter.
type CounterInfo struct {
	Counter Counter
	// Name is the counter's name in Perseo's metrics document. Some that only
	// Perseo's code has are "" here: the document does not show them.
	Name string
	// PerseoName is its name in Perseo's code, shown with ?format=perseo.
	PerseoName string
	// Series is its name in our own Prometheus exposition.
	Series string
	Help   string
}

// Counters is the table of all counters, in ascending order of Counter, which
// is the order in which Perseo's code lists them (serviceTime stands after
// incomingTransactionsErrors there).
//
// Source: Perseo's metrics API document for Name, its code for PerseoName.
var Counters = [NumCounters]CounterInfo{
	{IncomingTransactions, "incomingTransactions", "incomingTransactions", "weir_tenant_incoming_transactions_total", "Transactions served, good or bad."},
	{IncomingRequestSize, "incomingTransactionRequestSize", "incomingTransactionsRequestSize", "weir_tenant_incoming_request_bytes_total", "Bytes of the requests served."},
	{IncomingResponseSize, "incomingTransactionResponseSize", "incomingTransactionsResponseSize", "weir_tenant_incoming_response_bytes_total", "Bytes of the responses given."},
	{IncomingErrors, "incomingTransactionErrors", "incomingTransactionsErrors", "weir_tenant_incoming_errors_total", "Transactions served that ended in an error."},
	{OutgoingTransactions, "outgoingTransactions", "outgoingTransactions", "weir_tenant_outgoing_transactions_total", "Requests sent to other systems."},
	{OutgoingRequestSize, "outgoingTransactionRequestSize", "outgoingTransactionsRequestSize", "weir_tenant_outgoing_request_bytes_total", "Bytes of the requests sent to other systems."},
	{OutgoingResponseSize, "outgoingTransactionResponseSize", "outgoingTransactionsResponseSize", "weir_tenant_outgoing_response_bytes_total", "Bytes of the responses that other systems gave."},
	{OutgoingErrors, "outgoingTransactionErrors", "outgoingTransactionsErrors", "weir_tenant_outgoing_errors_total", "Requests sent to other systems that ended in an error."},
	{Notifications, "notifications", "notifications", "weir_tenant_notifications_total", "Context broker notifications received."},
	{OkNotifications, "okNotifications", "okNotifications", "weir_tenant_ok_notifications_total", "Context broker notifications that were valid."},
	{FailedNotifications, "failedNotifications", "failedNotifications", "weir_tenant_failed_notifications_total", "Context broker notifications that were not valid."},
	{RuleCreation, "ruleCreation", "ruleCreation", "weir_tenant_rule_creations_total", "Rule creations asked for."},
	{OkRuleCreation, "okRuleCreation", "okRuleCreation", "weir_tenant_ok_rule_creations_total", "Rule creations that succeeded."},
	{FailedRuleCreation, "failedRuleCreation", "failedRuleCreation", "weir_tenant_failed_rule_creations_total", "Rule creations that failed."},
	{RuleUpdate, "ruleUpdate", "ruleUpdate", "weir_tenant_rule_updates_total", "Rule updates asked for."},
	{OkRuleUpdate, "okRuleUpdate", "okRuleUpdate", "weir_tenant_ok_rule_updates_total", "Rule updates that succeeded."},
	{FailedRuleUpdate, "failedRuleUpdate", "failedRuleUpdate", "weir_tenant_failed_rule_updates_total", "Rule updates that failed."},
	{RuleDeletion, "ruleDeletion", "ruleDelete", "weir_tenant_rule_deletions_total", "Rule deletions asked for."},
	{OkRuleDeletion, "okRuleDeletion", "okRuleDelete", "weir_tenant_ok_rule_deletions_total", "Rule deletions that succeeded."},
	{FailedRuleDeletion, "failedRuleDeletion", "failedRuleDelete", "weir_tenant_failed_rule_deletions_total", "Rule deletions that failed."},
	{FiredRules, "firedRules", "firedRules", "weir_tenant_fired_rules_total", "Rules that fired."},
	{ErrAction, "", "errAction", "weir_tenant_action_errors_total", "Actions that could not be tried."},
	{ActionEntityFilter, "", "actionEntityFilter", "weir_tenant_entity_filters_total", "Entity filters tried."},
	{ActionEntityUpdate, "", "actionEntityUpdate", "weir_tenant_entity_updates_total", "Entity updates tried."},
	{OkActionEntityUpdate, "okActionEntityUpdate", "okActionEntityUpdate", "weir_tenant_ok_entity_updates_total", "Entity updates that succeeded."},
	{FailedActionEntityUpdate, "failedActionEntityUpdate", "failedActionEntityUpdate", "weir_tenant_failed_entity_updates_total", "Entity updates that failed."},
	{ActionSMS, "", "actionSMS", "weir_tenant_sms_total", "SMS actions tried."},
	{OkActionSMS, "okActionSms", "okActionSMS", "weir_tenant_ok_sms_total", "SMS actions that succeeded."},
	{FailedActionSMS, "failedActionSms", "failedActionSMS", "weir_tenant_failed_sms_total", "SMS actions that failed."},
	{ActionSMPP, "", "actionSMPP", "weir_tenant_smpp_total", "SMPP actions tried."},
	{OkActionSMPP, "", "okActionSMPP", "weir_tenant_ok_smpp_total", "SMPP actions that succeeded."},
	{FailedActionSMPP, "", "failedActionSMPP", "weir_tenant_failed_smpp_total", "SMPP actions that failed."},
	{ActionEmail, "", "actionEmail", "weir_tenant_emails_total", "E-mail actions tried."},
	{OkActionEmail, "okActionEmail", "okActionEmail", "weir_tenant_ok_emails_total", "E-mail actions that succeeded."},
	{FailedActionEmail, "failedActionEmail", "failedActionEmail", "weir_tenant_failed_emails_total", "E-mail actions that failed."},
	{ActionHTTPPost, "", "actionHttpPost", "weir_tenant_http_posts_total", "HTTP POST actions tried."},
	{OkActionHTTPPost, "okActionHttpPost", "okActionHttpPost", "weir_tenant_ok_http_posts_total", "HTTP POST actions that succeeded."},
	{FailedActionHTTPPost, "failedActionHttpPost", "failedActionHttpPost", "weir_tenant_failed_http_posts_total", "HTTP POST actions that failed."},
	{ActionTwitter, "", "actionTwitter", "weir_tenant_tweets_total", "Twitter actions tried."},
	{OkActionTwitter, "okActionTwitter", "okActionTwitter", "weir_tenant_ok_tweets_total", "Twitter actions that succeeded."},
	{FailedActionTwitter, "failedActionTwitter", "failedActionTwitter", "weir_tenant_failed_tweets_total", "Twitter actions that failed."},
}
