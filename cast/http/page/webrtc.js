// WebRTC shows a stream by WHEP: an offer is posted, its answer names the server's address, and the pictures come from
// there by UDP.
import { reasonOf } from "./api.js";
import { start } from "./players.js";

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
    this.name = name;
    this.path = path;
    this.host = host;
    this.element = document.createElement("video");
    Object.assign(this.element, { muted: true, autoplay: true, playsInline: true, disablePictureInPicture: true });
    this.element.setAttribute("aria-label", `Live picture of ${name}`);
    this.element.addEventListener("playing", () => this.host.fail(""));
    this.connection = null;
    this.since = performance.now(); // of the last picture, or of the first try to have one
    this.decoded = this.dropped = 0;
  }

  figures() { return { decoded: this.decoded, dropped: this.dropped }; }

  // moved goes on, as browsers pause a video that is moved.
  moved() { start(this.element, this.host); }

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
      if (connection !== this.connection) return; // it was stopped meanwhile
      const offer = connection.localDescription.sdp;
      if (!/^a=rtpmap:\d+ H264\//m.test(offer)) {
        this.refused("This browser has no H.264 for it.");
        return;
      }
      const response = await fetch(this.url, {
        method: "POST", headers: { "Content-Type": "application/sdp" }, body: offer, cache: "no-store",
      });
      const isOpen = response.status === 201;
      if (isOpen) connection.session = this.sessionOf(response);
      const answer = await (isOpen ? response.text() : reasonOf(response));
      if (connection !== this.connection) {
        close(connection);
        return;
      }
      if (!isOpen) {
        if (isFinal(response.status) || this.isOverdue()) this.refused(answer);
        else this.again(answer, retryAfter);
        return;
      }
      await connection.setRemoteDescription({ type: "answer", sdp: answer });
      if (connection === this.connection) this.watch(connection);
    } catch (error) {
      if (connection === this.connection) this.again(error instanceof TypeError ? "The picture cannot be had now." : error.message, retryAfter);
    }
  }

  // sessionOf is the URL of a session that was opened. A proxy may have the server below a folder that the server does not
  // know, and the Location may have a token already: of its path the end is taken.
  sessionOf(response) {
    const { pathname } = new URL(response.headers.get("Location"), response.url);
    return this.path(`/${this.name}/whep/${pathname.split("/").pop()}`);
  }

  // isOverdue reports whether a picture is due, and none has come for long.
  isOverdue() {
    const silence = performance.now() - this.since;
    return silence >= patience && this.host.expects(silence);
  }

  // watch looks again and again whether pictures are decoded. Browsers may decode none while nobody sees the page.
  watch(connection) {
    this.decoded = this.dropped = 0;
    const began = this.since = performance.now();
    this.timer = setInterval(async () => {
      const all = await connection.getStats().catch(() => new Map());
      if (connection !== this.connection) return;
      for (const one of all.values()) {
        if (one.type !== "inbound-rtp" || one.kind !== "video") continue;
        if ((one.framesDecoded ?? 0) !== this.decoded) this.since = performance.now();
        this.decoded = one.framesDecoded ?? 0;
        this.dropped = one.framesDropped ?? 0;
      }
      if (document.hidden) this.since = performance.now();
      const isConnected = connection.connectionState === "connected";
      // A source that nobody watches is opened when the connection is there.
      if (!isConnected && this.decoded === 0 && performance.now() - began >= patience) this.lost(`No picture has come by UDP within ${patience / 1000} s: ${remedy}.`);
      else if (this.isOverdue()) this.lost(`No picture has come for ${patience / 1000} s${isConnected ? "" : " by UDP"}.`);
    }, lookEvery);
  }

  // lost begins anew where there was a picture already, as the browser may be in another network now, else another way is
  // tried.
  lost(reason) {
    this.since = performance.now();
    if (this.decoded > 0) this.again(reason, 0);
    else this.refused(reason);
  }

  // refused gives way to another player, if there is one.
  refused(reason) {
    if (!this.host.giveUp(reason)) this.again(reason, retryAfter);
  }

  // again begins anew after a while, in ms, if the page is seen then.
  again(reason, after) {
    this.stop();
    this.host.fail(reason);
    this.timer = setTimeout(() => this.host.pauses() || this.begin(), after);
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
