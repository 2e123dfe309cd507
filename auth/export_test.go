package auth

// MaxAddresses is how many addresses are remembered.
const MaxAddresses = maxAddresses

// NoPassword is how a request without credentials is refused.
var NoPassword = noPassword

// Failing is how many addresses are remembered at present.
func (g *Gate) Failing() int { return len(g.failures.byAddress) }
