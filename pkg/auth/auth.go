// Package auth has the identity of Parley's users. There are no accounts: a
// user is a secp256k1 key pair, his uid is made from the public key, and what
// he sends carries a token that his private key signed:
//
//	token   = base64(signature) "#" message "#" hex(public key)
//	message = <unix milliseconds> "*" <suffix>
//
// A Key makes tokens (for tools and tests), a Verifier judges them. Whether a
// user may do something is not decided here.
package auth
