package alerter

import (
	"context"

	"weir/services/alerter/internal/actions"
)

// mailers sends the mails of tenants' rules by the server of the routes file's
// global section, as the file is at the moment.
type mailers struct{ a *App }

// Mail is actions.Mailer's.
func (m mailers) Mail(ctx context.Context, mail actions.Mail) (int, error) {
	m.a.mu.Lock()
	now := m.a.files.mailer
	m.a.mu.Unlock()
	return now.Mail(ctx, mail)
}
