// The kernel's side of package clone: a program at the egress of one network interface
// (tcx, Linux 6.6). It looks at marked datagrams alone.
//
// One marked LEARN is on its way to one peer: its Ethernet destination, which the kernel
// has just looked up, is noted in the peer's entry, and it goes on.
//
// One marked as an order stands for many: a copy of it is sent to each peer whose slot is in the
// order, with that peer's addresses and the same payload, which is not copied but shared.
// It is not for a program to know what a segmented message is: it is still in one piece
// here, and the card, or the kernel after this, cuts it.
//
// make -C clone/bpf compiles it. The layouts are those of loop/udp/clones.go.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

/* What to do with a datagram (enum tcx_action_base, in the headers since Linux 6.6). */
#define TCX_NEXT -1
#define TCX_DROP 2

#define TAG 0xca5
#define LEARN 1 /* other kinds are of orders, whose number goes on there */
#define MAX_SLOTS 64

struct peer {
	__u8 address[16]; /* an IPv4 address is the first 4 */
	__u16 port;       /* as it stands in a packet */
	__u8 mac[6];
	__u32 generation; /* counts the uses of the entry; the sender's */
	__u32 learned;    /* the generation that mac was learned in */
};

struct order {
	__u32 mark;  /* of the message it is for; 0: it has been carried out */
	__u32 count; /* of slots */
	__u32 done;  /* how many have been sent their copy */
	__u32 full;  /* why that is not all: the queue took no more */
	__u32 bytes; /* of the payload */
	__u32 slots[MAX_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set when it is loaded */
	__type(key, __u32);
	__type(value, struct peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct order);
} orders SEC(".maps");

/* Where things are in an Ethernet frame. */
#define IP ((__u32)ETH_HLEN)
#define IP4_SUM (IP + 10)
#define IP4_TO (IP + 16)
#define UDP4 (IP + 20)
#define IP6_TO (IP + 24)
#define UDP6 (IP + 40)
#define PORT_TO 2
#define UDP_SUM 6

/* Addresses, as they stand in the datagram that is the model of all copies. */
struct addressing {
	__u8 address[16];
	__u16 port;
	__u8 mac[6];
};

struct model {
	__u32 six;      /* IPv6 */
	__u32 udp;      /* where the UDP header is */
	__u32 to;       /* and the IP destination */
	__u32 bytes;    /* which has so many */
	struct addressing now;
};

/* describe finds the addressing of a datagram, and fails if it is none of UDP, has IP
 * options, or goes into a VLAN, of which the copies would not know. */
static __always_inline int describe(struct __sk_buff *skb, struct model *m)
{
	__u8 first, protocol;

	m->six = skb->protocol == bpf_htons(ETH_P_IPV6);
	if (skb->vlan_present || (!m->six && skb->protocol != bpf_htons(ETH_P_IP)))
		return -1;
	if (bpf_skb_load_bytes(skb, IP, &first, 1) || bpf_skb_load_bytes(skb, IP + (m->six ? 6 : 9), &protocol, 1))
		return -1;
	if (protocol != IPPROTO_UDP || (!m->six && first != 0x45))
		return -1;
	m->udp = m->six ? UDP6 : UDP4;
	m->to = m->six ? IP6_TO : IP4_TO;
	m->bytes = m->six ? 16 : 4;
	__builtin_memset(&m->now, 0, sizeof m->now);
	if (m->six) {
		if (bpf_skb_load_bytes(skb, IP6_TO, m->now.address, 16))
			return -1;
	} else if (bpf_skb_load_bytes(skb, IP4_TO, m->now.address, 4)) {
		return -1;
	}
	if (bpf_skb_load_bytes(skb, m->udp + PORT_TO, &m->now.port, 2))
		return -1;
	return bpf_skb_load_bytes(skb, 0, m->now.mac, 6);
}

static __always_inline int addressed_to(const struct model *m, const struct peer *p)
{
	const __u32 *x = (const void *)m->now.address, *y = (const void *)p->address;

	return m->now.port == p->port && x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

/* learn notes how a peer is reached. The datagram may have waited for its neighbour's
 * address while the slot was given to somebody else, which is what the generation, read
 * first, is for. */
static __always_inline void learn(struct __sk_buff *skb, __u32 slot)
{
	struct model m;
	struct peer *p = bpf_map_lookup_elem(&peers, &slot);
	__u32 generation;

	if (!p)
		return;
	generation = *(volatile __u32 *)&p->generation;
	if (describe(skb, &m) || !addressed_to(&m, p))
		return;
	__builtin_memcpy(p->mac, m.now.mac, 6);
	*(volatile __u32 *)&p->learned = generation;
}

/* fold is the Internet checksum of a sum, not yet inverted. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* resum has the UDP checksum follow a change of the addresses, whose sum has become larger
 * by a difference, and of the port. One that is complete follows both. Where the card is to
 * make it, and always in a message that is yet to be cut, there is only the sum of the
 * pseudo-header, with the addresses but without the ports. Which of them the first is the
 * kernel knows, but not of the latter: it takes that for complete if the card makes no
 * checksums. */
static __always_inline int resum(struct __sk_buff *skb, struct model *m, __s64 difference, __u16 port)
{
	const __u64 mangled = BPF_F_MARK_MANGLED_0;
	__u16 sum;

	if (skb->gso_size) {
		if (bpf_skb_load_bytes(skb, m->udp + UDP_SUM, &sum, 2))
			return -1;
		sum = fold((__u64)(__u32)difference + sum);
		return bpf_skb_store_bytes(skb, m->udp + UDP_SUM, &sum, 2, 0);
	}
	if (bpf_l4_csum_replace(skb, m->udp + UDP_SUM, 0, difference, BPF_F_PSEUDO_HDR | mangled))
		return -1;
	return bpf_l4_csum_replace(skb, m->udp + UDP_SUM, m->now.port, port, mangled | 2);
}

/* readdress makes the datagram one to p. */
static __always_inline int readdress(struct __sk_buff *skb, struct model *m, struct peer *p)
{
	__s64 difference = bpf_csum_diff((__be32 *)m->now.address, 16, (__be32 *)p->address, 16, 0);

	if (resum(skb, m, difference, p->port))
		return -1;
	if (p->port != m->now.port && bpf_skb_store_bytes(skb, m->udp + PORT_TO, &p->port, 2, 0))
		return -1;
	m->now.port = p->port;
	if (m->six) {
		if (bpf_skb_store_bytes(skb, IP6_TO, p->address, 16, 0))
			return -1;
	} else if (bpf_l3_csum_replace(skb, IP4_SUM, 0, difference, 0) ||
		   bpf_skb_store_bytes(skb, IP4_TO, p->address, 4, 0)) {
		return -1;
	}
	__builtin_memcpy(m->now.address, p->address, 16);
	return bpf_skb_store_bytes(skb, 0, p->mac, 6, 0);
}

/* is_of says whether this datagram is the one of an order, as it was sent. What has been cut
 * or wrapped up on its way here is not, though it has the mark. */
static __always_inline int is_of(struct __sk_buff *skb, struct model *m, struct order *o)
{
	struct peer *first;
	__u32 slot = o->slots[0];

	if (describe(skb, m) || skb->len != m->udp + 8 + o->bytes)
		return 0;
	first = bpf_map_lookup_elem(&peers, &slot);
	return first && addressed_to(m, first);
}

/* carry_out sends the copies. The last is the datagram itself, which is charged to the
 * socket's buffer until it has left: by that the sender knows that the card keeps up. */
static __always_inline int carry_out(struct __sk_buff *skb, struct order *o)
{
	__u32 count = o->count, i;
	struct model m;

	skb->mark = 0; /* the copies come by here, too */
	if (!is_of(skb, &m, o))
		return TCX_NEXT;
	o->mark = 0;
	for (i = 0; i < MAX_SLOTS; i++) {
		__u32 slot = o->slots[i];
		struct peer *p = bpf_map_lookup_elem(&peers, &slot);
		long result;

		if (!p || p->learned != p->generation || readdress(skb, &m, p))
			return TCX_DROP;
		if (i + 1 >= count) {
			o->done = count;
			return TCX_NEXT;
		}
		result = bpf_clone_redirect(skb, skb->ifindex, 0);
		if (result && result != 2 /* NET_XMIT_CN: it is queued */) {
			o->full = 1;
			return TCX_DROP;
		}
		o->done = i + 1;
	}
	return TCX_DROP;
}

SEC("tcx/egress")
int camcast_clone(struct __sk_buff *skb)
{
	__u32 mark = skb->mark, zero = 0;
	struct order *o;

	if (mark >> 20 != TAG)
		return TCX_NEXT;
	if ((mark >> 16 & 0xf) == LEARN) {
		learn(skb, mark & 0xffff);
	} else {
		o = bpf_map_lookup_elem(&orders, &zero);
		/* Another one: it has waited for its neighbour, and goes to whom it is
		 * addressed. */
		if (o && o->mark == mark)
			return carry_out(skb, o);
	}
	skb->mark = 0;
	return TCX_NEXT;
}

char terms[] SEC("license") = "Dual MIT/GPL";
