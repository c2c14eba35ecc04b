package broker

// Expire ends the session of a client that has gone, as the server does when it is
// over.
func (b *Broker) Expire(id string) {
	if cl, ok := b.server.Clients.Get(id); ok {
		b.hook.OnClientExpired(cl)
		b.server.Clients.Delete(id)
	}
}
