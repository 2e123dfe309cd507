// Package srtp seals a stream's RTP and RTCP, and opens the RTCP of its readers (RFC 3711). There is no I/O here, and no clock.
//
// For readers who share a key there is one Sealer a stream. It makes its own key, so that no two have the same, and
// never seals two packets with one index: packets that are enciphered alike give each other away. Sealer.Offer and Offer.MIKEY
// bring the key to readers in messages of MIKEY (RFC 3830). A reader seals its RTCP with a key that it has chosen itself:
// ParseMIKEY reads that one, and Openers makes the Opener that checks and opens its packets, and refuses what came before. All
// of this is by the profile AES_CM_128_HMAC_SHA1_80, which every implementation has.
//
// For a receiver whose keys come from DTLS (RFC 5764) there is a Private, by the same profile or by AEAD_AES_128_GCM
// (RFC 7714). It seals again what the receiver has lost, and refuses to seal anything else with the same index.
package srtp
