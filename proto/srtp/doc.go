// Package srtp seals a stream's RTP and RTCP, and opens the RTCP of its readers (RFC 3711), by the
// profile AES_CM_128_HMAC_SHA1_80, which every implementation has. Messages of MIKEY
// (RFC 3830) carry the keys: see Offer and ParseMIKEY.
//
// A Sealer makes its own key, so that no two have the same, and never seals two packets with one
// index: two packets that are enciphered alike give each other away. A reader's own RTCP is sealed
// with a key that the reader has chosen; an Opener checks and opens it, and refuses what came
// before.
//
// A Private is for one receiver whose keys come from DTLS (RFC 5764), by the same profile or by
// AEAD_AES_128_GCM (RFC 7714). It seals again what a receiver has lost, and refuses to seal anything else
// with the same index.
//
// There is no I/O here, and no clock.
package srtp
