package srtp

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeyStream is RFC 3711, appendix B.2: the key stream of a session key and salt, SSRC 0 and index 0.
func TestKeyStream(t *testing.T) {
	tr := newTransform(&Key{}, 0)
	tr.block = newAES(unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"))
	tr.salt = [saltBytes]byte(unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	const blocks = 0xff02
	stream := make([]byte, blocks*16)
	tr.xor(stream, 0, 0)
	for at, want := range map[int]string{
		0: "E03EAD0935C95E80E166B16DD92B4EB4", 1: "D23513162B02D0F72A43A2FE4A5F97AB", 2: "41E95B3BB0A2E8DD477901E4FCA894C0",
		0xfeff: "EC8CDF7398607CB0F2D21675EA9EA1E4", 0xff00: "362B7C3C6773516318A077D7FC5073AE", 0xff01: "6A2CC3787889374FBEB4C81B17BA6C44",
	} {
		if got := stream[at*16:][:16]; !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("block %#x is %X, want %s", at, got, want)
		}
	}
}

// TestDerivation is RFC 3711, appendix B.3.
func TestDerivation(t *testing.T) {
	key := Key(unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"+"0EC675AD498AFEEBB6960B3AABE6"))
	for _, c := range []struct {
		label byte
		want  string
	}{
		{labelEncryption, "C61E7A93744F39EE10734AFE3FF7A087"},
		{labelSalt, "30CBBC08863D8C85D49DB34A9AE1"},
		{labelAuth, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25" +
			"6D6E919A48B610EF17C2041E4740357 66B68642C59BBFC2F34DB60DBDFB2"},
	} {
		want := unhex(t, string(bytes.ReplaceAll([]byte(c.want), []byte(" "), nil)))
		got := make([]byte, len(want))
		key.derivation().derive(c.label, got)
		if !bytes.Equal(got, want) {
			t.Errorf("label %d gives %X, want %X", c.label, got, want)
		}
	}
}
