// A stream's tile: its picture, its figures, what can be done with it.
import { server, withToken } from "./api.js";
import { commandsFor } from "./commands.js";
import { showControls } from "./controls.js";
import { MJPEG } from "./mjpeg.js";
import { MP4, Snapshots } from "./players.js";
import { WebRTC } from "./webrtc.js";

// Tile is one. Its page has look(tile), for one that somebody looks at; enlarge(tile), for one that is to be shown in full
// size; and chooseLive(), for when another one may be live.
export class Tile {
  constructor(stream, page) {
    this.name = stream.name;
    this.page = page;
    this.element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.stage = this.element.querySelector(".stage");
    this.notice = this.element.querySelector(".notice");
    this.button = this.element.querySelector(".open");
    this.large = null;         // the stage in which it is shown in full size
    this.player = null;
    this.refusals = new Map(); // the ways to play that were given up, and why
    this.isSeen = false;
    this.looked = 0;
    this.element.querySelector("h2").textContent = stream.name;
    this.element.setAttribute("aria-label", `Stream ${stream.name}`);
    this.element.dataset.stream = stream.name;
    this.button.setAttribute("aria-label", `Show ${stream.name} in full size`);
    const snapshot = this.element.querySelector(".snapshot");
    snapshot.href = withToken(`/${stream.name}.jpg`);
    snapshot.download = `${stream.name}.jpg`;
    snapshot.setAttribute("aria-label", `Snapshot of ${stream.name}`);
    this.button.addEventListener("click", () => page.enlarge(this));
    for (const event of ["pointerenter", "focusin"]) this.element.addEventListener(event, () => page.look(this));
  }

  // show takes what the server says of the stream.
  show(stream) {
    const changed = !this.stream || stream.format !== this.stream.format;
    this.stream = stream;
    this.unknown = "";
    this.showState(stream.state, {
      readers: stream.readers + stream.destinations,
      rate: stream.frames_per_second ? stream.frames_per_second.toFixed(1) : "–",
      age: milliseconds(stream.age_ms.last_reader_sent ?? stream.age_ms.laid_out ?? stream.age_ms.encoded),
      loss: stream.loss_percent === null ? "–" : `${stream.loss_percent.toFixed(1)} %`,
    });
    if (stream.width) this.stage.style.aspectRatio = `${stream.width} / ${stream.height}`;
    setText(this.element.querySelector(".source"),
      [stream.source, stream.width ? `${stream.width}×${stream.height}` : "", stream.coding].filter(Boolean).join(" · "));
    if (changed) {
      this.describe();
      this.reset();
      this.page.chooseLive();
    }
    this.tell();
    this.tellWay();
  }

  // unanswered takes why the server says nothing of the stream now: what it has said last may not be so any more.
  unanswered(reason) {
    this.unknown = reason;
    this.showState("unknown", { readers: "–", rate: "–", age: "–", loss: "–" });
    this.tell();
  }

  showState(state, figures) {
    const element = this.element.querySelector(".state");
    setText(element, state);
    element.dataset.state = state;
    for (const [name, text] of Object.entries(figures)) setText(this.element.querySelector(`[data-figure=${name}]`), text);
  }

  // describe writes what depends on the stream's format.
  describe() {
    const list = this.element.querySelector(".players ul");
    list.replaceChildren(...commandsFor(this.stream, server.ports, server.you.user).map(([player, command]) => {
      const item = document.createElement("li");
      const name = document.createElement("strong"), code = document.createElement("code"), copy = document.createElement("button");
      name.textContent = player;
      code.textContent = command;
      copy.type = "button";
      copy.textContent = "Copy";
      copy.setAttribute("aria-label", `Copy the command for ${player}`);
      copy.addEventListener("click", () => copyText(command, code, copy));
      item.append(name, code, copy);
      return item;
    }));
    const controls = this.element.querySelector(".controls");
    controls.hidden = !(this.stream.controls && server.you.admin);
    controls.ontoggle = () => controls.open && showControls(controls.querySelector("form"), this.name);
  }

  // ways are the players that show the stream live, the best first. Of JPEGs H.264 is encoded for WebRTC, if that can be
  // done; for MP4 it is not worth that.
  ways() {
    const ways = { "": [MJPEG], "JPEG": [WebRTC, MJPEG], "H.264": [WebRTC, MP4, MJPEG, Snapshots] }[this.stream.format] ?? [MP4, Snapshots];
    return ways.filter(way => way.isSupported() && !this.refusals.has(way) && (way !== WebRTC || server.ports.webrtc));
  }

  // cost is what it takes to have the stream live: a "connection" of the browser, that its pictures are "encoded", or "nothing".
  cost() {
    if (this.ways()[0] !== WebRTC) return "connection";
    return this.stream.format === "H.264" ? "nothing" : "encoded";
  }

  // play has the picture be live, or be renewed every few seconds.
  play(isLive) {
    const ways = isLive ? this.ways() : [Snapshots];
    if (this.player && ways.includes(this.player.constructor) && isLive === this.isLive) return;
    this.stop();
    this.isLive = isLive;
    this.begin(ways);
  }

  // begin plays in the first of some ways. When that is given up it goes on with the next one.
  begin(ways) {
    const [kind, ...others] = ways;
    const pauses = () => {
      if (this.player !== player || !document.hidden) return false;
      this.stop();
      return true;
    };
    const player = this.player = new kind(this.name, withToken, {
      fail: reason => { if (this.player === player) this.fail(reason); },
      giveUp: reason => {
        if (pauses()) return true;
        if (this.player !== player || others.length === 0) return false;
        player.stop();
        this.refusals.set(kind, reason.replace(/\.$/, ""));
        this.fail("");
        this.begin(others);
        this.page.chooseLive(); // it may need a connection now
        return true;
      },
      pauses,
      expects: silence => server.isAnswering && this.stream.state === "live" && silence * this.stream.frames_per_second > 3000,
    });
    this.place();
    player.begin();
  }

  // showIn has the picture be in a large stage, or in the tile again: null.
  showIn(large) {
    this.large = large;
    this.place();
    this.player?.moved();
  }

  // place puts the picture, and what is wrong with it, to where they are shown.
  place() {
    const picture = this.player ? [this.player.element] : [];
    this.button.replaceChildren(...this.large ? [] : picture);
    this.large?.replaceChildren(...picture);
    (this.large ?? this.stage).append(this.notice);
    this.notice.role = this.large ? "status" : null; // else each try to open a source would be read aloud
  }

  // tellWay says how the picture comes, and why it does not come in a better way.
  tellWay() {
    const figures = this.player?.figures();
    const counts = figures ? `${figures.decoded} frames decoded, ${figures.dropped} dropped` : "";
    const how = this.player ? [this.player.constructor.title, this.isLive ? counts : "live when you point at it"].filter(Boolean).join(" · ") : "";
    const refusals = [...this.refusals].map(([way, reason]) => `${way.title}: ${reason}`);
    setText(this.element.querySelector(".way"), [how, ...refusals].filter(Boolean).join(". "));
  }

  stop() {
    this.player?.stop();
    this.player = null;
    this.failed = "";
  }

  // reset stops, and forgets which ways were given up.
  reset() {
    this.stop();
    this.refusals.clear();
  }

  // release stops what takes a connection.
  release() {
    if (!(this.player instanceof WebRTC)) this.stop();
  }

  fail(reason) {
    this.failed = reason;
    this.tell();
  }

  // tell says what is wrong with the stream or its picture.
  tell() {
    const texts = {
      lost: "No picture comes from the source. It is opened again when it is there.",
      opening: "The source is being opened.",
      idle: "Idle: the source is opened for its first viewer.",
      ended: "The stream has ended.",
    };
    setText(this.notice, this.unknown || (texts[this.stream.state] ?? this.failed ?? ""));
  }

  remove() {
    this.stop();
    this.element.remove();
  }
}

// setText sets an element's text, if that is another one.
export function setText(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

async function copyText(text, code, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not a secure context: the person copies what is selected
    getSelection().selectAllChildren(code);
    if (!document.execCommand("copy")) return;
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
