package auth

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"slices"

	"github.com/decred/dcrd/crypto/ripemd160"

	"parley/pkg/id"
)

// uidOf returns the uid of who holds the compressed public key: a Bitcoin
// P2PKH address of the main net, base58check(0x00 ‖ RIPEMD160(SHA256(key))).
func uidOf(public []byte) id.UID {
	inner := sha256.Sum256(public)
	hash := ripemd160.New()
	_, _ = hash.Write(inner[:]) // a hash never fails
	payload := hash.Sum([]byte{0x00})

	once := sha256.Sum256(payload)
	twice := sha256.Sum256(once[:])
	return id.UID(base58(append(payload, twice[:4]...)))
}

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 writes raw as a number of base 58; each leading zero byte becomes a
// leading '1', since a number cannot show them.
func base58(raw []byte) string {
	var digits []byte
	number, base, digit := new(big.Int).SetBytes(raw), big.NewInt(58), new(big.Int)
	for number.Sign() > 0 {
		number.DivMod(number, base, digit)
		digits = append(digits, base58Alphabet[digit.Int64()])
	}
	zeros := len(raw) - len(bytes.TrimLeft(raw, "\x00"))
	digits = append(digits, bytes.Repeat([]byte{base58Alphabet[0]}, zeros)...)
	slices.Reverse(digits)
	return string(digits)
}
