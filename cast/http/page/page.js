// The page: a tile for each stream, its picture, its figures, what can be done with it.
import { withToken } from "/page/api.js";
import { MJPEG } from "/page/mjpeg.js";
import { MP4, Snapshots } from "/page/players.js";
import { WebRTC } from "/page/webrtc.js";
import { commandsFor } from "/page/commands.js";
import { showControls } from "/page/controls.js";

const pollEvery = 500; // ms between two looks at the figures
// Browsers open six connections to a host, of which figures and snapshots need some.
const mostLive = 4;

const tiles = new Map(); // by the streams' names
let instance = "";       // of the server; another one after a restart
let looks = 0;           // counts up, to know which tile was looked at last

class Tile {
  constructor(stream) {
    this.name = stream.name;
    this.element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.stage = this.element.querySelector(".stage");
    this.notice = this.element.querySelector(".notice");
    this.button = this.element.querySelector(".open");
    this.player = null;
    this.refusals = []; // why each of the ways was given up that come before the player's
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
    this.button.addEventListener("click", () => enlarge(this));
    for (const event of ["pointerenter", "focusin"]) this.element.addEventListener(event, () => this.look());
    seen.observe(this.element);
  }

  // look has the tile be one of those that are live.
  look() {
    this.looked = ++looks;
    chooseLive();
  }

  // show takes what the server says of the stream.
  show(stream) {
    const changed = !this.stream || stream.format !== this.stream.format || stream.name !== this.stream.name;
    this.stream = stream;
    const state = this.element.querySelector(".state");
    state.textContent = stream.state;
    state.dataset.state = stream.state;
    if (stream.width) this.stage.style.aspectRatio = `${stream.width} / ${stream.height}`;
    const figures = {
      readers: stream.readers + stream.destinations,
      rate: stream.frames_per_second ? stream.frames_per_second.toFixed(1) : "–",
      age: milliseconds(stream.age_ms.last_reader_sent ?? stream.age_ms.laid_out ?? stream.age_ms.encoded),
      loss: stream.loss_percent === null ? "–" : `${stream.loss_percent.toFixed(1)} %`,
    };
    for (const [name, text] of Object.entries(figures)) setText(this.element.querySelector(`[data-figure=${name}]`), text);
    setText(this.element.querySelector(".source"),
      [stream.source, stream.width ? `${stream.width}×${stream.height}` : "", stream.coding].filter(Boolean).join(" · "));
    if (changed) {
      this.describe();
      this.stop();
      chooseLive();
    }
    this.tell();
    this.tellWay();
  }

  // describe writes what depends on the stream's format.
  describe() {
    const list = this.element.querySelector(".players ul");
    list.replaceChildren(...commandsFor(this.stream, ports, you.user, location).map(([player, command]) => {
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
    controls.hidden = !(this.stream.controls && you.admin);
    controls.ontoggle = () => controls.open && showControls(controls.querySelector("form"), this.name);
  }

  // play has the picture be live, or be renewed every few seconds.
  play(isLive) {
    const ways = isLive ? waysFor(this.stream) : [Snapshots];
    if (this.player && ways.includes(this.player.constructor) && isLive === this.isLive) return;
    this.stop();
    this.isLive = isLive;
    this.begin(ways);
  }

  // begin plays in the first of some ways. When that is given up it goes on with the next one.
  begin(ways) {
    const [kind, ...others] = ways;
    const player = this.player = new kind(this.name, withToken, {
      fail: reason => { if (this.player === player) this.fail(reason); },
      giveUp: reason => {
        if (this.player !== player || others.length === 0) return false;
        player.stop();
        this.refusals.push(`${kind.title}: ${reason.replace(/\.$/, "")}`);
        this.fail("");
        this.begin(others);
        return true;
      },
      expects: silence => isAnswering && this.stream.state === "live" && silence * this.stream.frames_per_second > 3000,
    });
    (large.tile === this ? large.stage : this.button).replaceChildren(player.element);
    player.begin();
  }

  // tellWay says how the picture comes, and why it does not come in a better way.
  tellWay() {
    const figures = this.player?.figures();
    const counts = figures ? `${figures.decoded} frames decoded, ${figures.dropped} dropped` : "";
    const how = this.player ? [this.player.constructor.title, counts].filter(Boolean).join(" · ") : "";
    setText(this.element.querySelector(".way"), [how, ...this.refusals].filter(Boolean).join(". "));
  }

  // resume has the picture come again when the server answers again that has not been started anew. What comes by UDP goes
  // on by itself.
  resume() {
    if (!(this.player instanceof WebRTC)) this.stop();
  }

  stop() {
    this.player?.stop();
    this.player = null;
    this.refusals = [];
    this.failed = "";
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
    const text = texts[this.stream.state] ?? this.failed ?? "";
    setText(this.notice, text);
    this.notice.hidden = !text;
  }

  remove() {
    if (large.tile === this) large.dialog.close();
    this.stop();
    seen.unobserve(this.element);
    this.element.remove();
  }
}

// waysFor are the players that show a stream live, the best first. Of JPEGs H.264 is encoded for WebRTC, if that can be
// done; for MP4 it is not worth that.
function waysFor(stream) {
  const ways = { "": [MJPEG], "JPEG": [WebRTC, MJPEG], "H.264": [WebRTC, MP4, MJPEG, Snapshots] }[stream.format] ?? [MP4, Snapshots];
  return ways.filter(way => way.isSupported() && (way !== WebRTC || ports.webrtc));
}

// chooseLive has those tiles be live that were looked at last, of those that can be seen. Lost ones come last.
function chooseLive() {
  const isAway = t => t.stream.state === "lost";
  const candidates = [...tiles.values()].filter(t => t.isSeen && t.stream).sort((a, b) => isAway(a) - isAway(b) || b.looked - a.looked);
  candidates.forEach((tile, i) => tile.play(i < mostLive));
  for (const tile of tiles.values()) if (!tile.isSeen && large.tile !== tile) tile.stop();
}

const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const tile = tiles.get(entry.target.dataset.stream);
    if (tile) tile.isSeen = entry.isIntersecting || large.tile === tile;
  }
  chooseLive();
});

// large is the dialog that shows a stream in full size.
const large = { dialog: document.getElementById("large"), tile: null };
large.stage = large.dialog.querySelector(".stage");

function enlarge(tile) {
  tile.look();
  large.tile = tile;
  document.getElementById("large-name").textContent = tile.name;
  if (tile.player) large.stage.replaceChildren(tile.player.element);
  large.dialog.showModal();
  tile.player?.moved();
}
document.getElementById("close").addEventListener("click", () => large.dialog.close());
large.dialog.addEventListener("close", () => {
  const tile = large.tile;
  large.tile = null;
  if (tile?.player) {
    tile.button.replaceChildren(tile.player.element);
    tile.player.moved();
  }
  tile?.button.focus();
});

function setText(element, text) {
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

let you = { user: "", admin: false };
let ports = {}; // of the server's other protocols
let isAnswering = false; // the server, to what was asked last
const status = document.getElementById("status");

function say(text, isBad) {
  setText(status, text);
  status.classList.toggle("bad", isBad);
}

// update takes what the server says of all streams.
function update(answer) {
  if (instance && instance !== answer.instance) for (const tile of tiles.values()) tile.stop(); // it was started anew
  instance = answer.instance;
  you = answer.you;
  ports = answer.ports;
  const names = new Set(answer.streams.map(s => s.name));
  for (const [name, tile] of tiles) {
    if (names.has(name)) continue;
    tile.remove();
    tiles.delete(name);
  }
  for (const stream of answer.streams) {
    if (!tiles.has(stream.name)) {
      tiles.set(stream.name, new Tile(stream));
      document.getElementById("streams").append(tiles.get(stream.name).element);
    }
    tiles.get(stream.name).show(stream);
  }
  chooseLive();
  const count = answer.streams.length;
  say(count === 1 ? "1 stream" : `${count} streams`, false);
}

// poll looks at the figures again and again. After a failure all pictures begin anew, as the server may have.
async function poll() {
  for (;;) {
    try {
      const response = await fetch(withToken("/api/v1/streams"), { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (!response.ok) throw new Error((await response.json()).detail);
      const answer = await response.json();
      if (!isAnswering) for (const tile of tiles.values()) tile.resume();
      isAnswering = true;
      update(answer);
    } catch (error) {
      isAnswering = false;
      say(error instanceof TypeError || error.name === "TimeoutError" ? "The server does not answer." : error.message, true);
    }
    await new Promise(done => setTimeout(done, document.hidden ? 4 * pollEvery : pollEvery));
  }
}
poll();

// A page that is left ends its sessions. One that is come back to by the browser's buttons begins them anew.
addEventListener("pagehide", () => { for (const tile of tiles.values()) tile.stop(); });
addEventListener("pageshow", event => { if (event.persisted) chooseLive(); });
