// WebRTC shows a stream by WHEP: an offer is posted, its answer names the server's address, and the pictures come from
// there by UDP.

const patience = 3000;   // ms without a picture, where pictures are expected
const lookEvery = 500;   // ms between two looks at what was decoded
const retryAfter = 1000; // ms, after what another try may mend

const remedy = "a firewall may drop it, or the server needs --public-address";

// Statuses that say that this server, this stream or this browser will not do it, however often it is tried.
const isFinal = status => [404, 405, 406, 415, 501].includes(status);

export class WebRTC {
  static title = "WebRTC";

  static isSupported() { return "RTCPeerConnection" in window; }

  constructor(name, path, host) {
    this.url = path(`/${name}/whep`);
    this.path = path;
    this.host = host;
    this.element = document.createElement("video");
    Object.assign(this.element, { muted: true, autoplay: true, playsInline: true, disablePictureInPicture: true });
    this.element.setAttribute("aria-label", `Live picture of ${name}`);
    this.element.addEventListener("loadeddata", () => this.host.fail(""));
    this.connection = null;
    this.decoded = this.dropped = 0;
  }

  figures() { return { decoded: this.decoded, dropped: this.dropped }; }

  // moved goes on, as browsers pause a video that is moved.
  moved() { this.element.play().catch(() => {}); }

  async begin() {
    const connection = this.connection = new RTCPeerConnection();
    connection.addEventListener("connectionstatechange", () => {
      if (connection === this.connection && connection.connectionState === "failed") this.lost(`The server's address is not reached by UDP: ${remedy}.`);
    });
    connection.addEventListener("track", event => {
      this.element.srcObject = new MediaStream([event.track]);
      this.moved();
    });
    try {
      const { receiver } = connection.addTransceiver("video", { direction: "recvonly" });
      receiver.jitterBufferTarget = 0; // each picture is shown when it is there
      await connection.setLocalDescription();
      const offer = connection.localDescription.sdp;
      if (!/^a=rtpmap:\d+ H264\//m.test(offer)) {
        this.refused("This browser has no H.264 for it.");
        return;
      }
      const response = await fetch(this.url, {
        method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer, cache: "no-store",
      });
      const answer = await response.text();
      if (response.ok) connection.session = this.path(new URL(response.headers.get("Location"), this.url).pathname);
      if (connection !== this.connection) { // it was stopped meanwhile
        close(connection);
        return;
      }
      if (!response.ok && isFinal(response.status)) {
        this.refused(answer.trim());
        return;
      }
      if (!response.ok) throw new Error(answer.trim());
      await connection.setRemoteDescription({ type: "answer", sdp: answer });
      if (connection === this.connection) this.watch(connection);
    } catch (error) {
      if (connection === this.connection) this.again(error instanceof TypeError ? "The picture cannot be had now." : error.message);
    }
  }

  // watch looks again and again whether pictures are decoded.
  watch(connection) {
    this.decoded = this.dropped = 0;
    let since = performance.now();
    this.timer = setInterval(async () => {
      const all = await connection.getStats();
      if (connection !== this.connection) return;
      for (const one of all.values()) {
        if (one.type !== "inbound-rtp" || one.kind !== "video") continue;
        if ((one.framesDecoded ?? 0) !== this.decoded) since = performance.now();
        this.decoded = one.framesDecoded ?? 0;
        this.dropped = one.framesDropped ?? 0;
      }
      // A source that nobody watches is opened when the connection is there.
      const silence = performance.now() - since, hasBegun = this.decoded > 0 || connection.connectionState === "connected";
      if (silence >= patience && (!hasBegun || this.host.expects(silence))) this.lost(`No picture has come by UDP within ${patience / 1000} s: ${remedy}.`);
    }, lookEvery);
  }

  // lost tries again where there was a picture already, else another way is tried.
  lost(reason) {
    if (this.decoded > 0) this.again(reason);
    else this.refused(reason);
  }

  // refused gives way to another player, if there is one.
  refused(reason) {
    if (!this.host.giveUp(reason)) this.again(reason);
  }

  // again begins anew after a while.
  again(reason) {
    this.stop();
    this.host.fail(reason);
    this.timer = setTimeout(() => this.begin(), retryAfter);
  }

  stop() {
    clearTimeout(this.timer); // an interval, too
    const connection = this.connection;
    this.connection = null;
    if (connection) close(connection);
  }
}

// close ends a connection, and its session at the server, if it has one.
function close(connection) {
  connection.close();
  if (!connection.session) return;
  fetch(connection.session, { method: "DELETE", keepalive: true }).catch(() => {}); // it ends there by itself, too
  connection.session = "";
}
