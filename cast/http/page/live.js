// Which of the page's streams are live.
import { Tile } from "./tile.js";

// most is how many streams may be live of each cost. Browsers open six connections to a server, for all pages together, of
// which figures and snapshots need some.
const most = { connection: 4, encoded: 4, nothing: 9 };

export const tiles = new Map(); // by the streams' names
let looks = 0; // counts up, to know which tile was looked at last

const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const tile = tiles.get(entry.target.dataset.stream);
    if (tile) tile.isSeen = entry.isIntersecting;
  }
  chooseLive();
});

// large is the dialog that shows a stream in full size.
const large = { dialog: document.getElementById("large"), tile: null };

// addTile shows a stream that is new.
export function addTile(stream) {
  const tile = new Tile(stream, { look, enlarge, chooseLive });
  tiles.set(stream.name, tile);
  document.getElementById("streams").append(tile.element);
  seen.observe(tile.element);
  return tile;
}

export function removeTile(tile) {
  if (large.tile === tile) large.dialog.close();
  tiles.delete(tile.name);
  seen.unobserve(tile.element);
  tile.remove();
}

// look has a tile be one of those that are live.
function look(tile) {
  tile.looked = ++looks;
  chooseLive();
}

function enlarge(tile) {
  large.tile = tile;
  look(tile);
  document.getElementById("large-name").textContent = tile.name;
  tile.showIn(large.dialog.querySelector(".stage"));
  large.dialog.showModal();
}
document.getElementById("close").addEventListener("click", () => large.dialog.close());
large.dialog.addEventListener("close", () => {
  const tile = large.tile;
  large.tile = null;
  tile?.showIn(null);
  tile?.button.focus();
});

const isShown = tile => tile.isSeen || tile === large.tile;

// chooseLive has those tiles be live that were looked at last, of those that can be seen. Lost ones come last. Nobody sees a
// hidden page: what plays there goes on, and nothing begins.
export function chooseLive() {
  if (document.hidden) return;
  const isAway = t => t.stream.state === "lost";
  const candidates = [...tiles.values()].filter(t => isShown(t) && t.stream).sort((a, b) => isAway(a) - isAway(b) || b.looked - a.looked);
  const left = { ...most, connection: Math.max(1, Math.floor(most.connection / (1 + others.size))) };
  for (const tile of candidates) tile.play(left[tile.cost()]-- > 0);
  for (const tile of tiles.values()) if (!isShown(tile)) tile.stop();
}

// The pages of this server that can be seen in one browser tell each other, and share its connections.
const me = crypto.getRandomValues(new Uint32Array(2)).join();
const others = new Map(); // when each of the others has said so, by its name
const channel = new BroadcastChannel("camcast");
const tellEvery = 500, forgetAfter = 2000; // ms

function tellOthers() { if (!document.hidden) channel.postMessage(me); }

channel.addEventListener("message", event => {
  const isNew = !others.has(event.data);
  others.set(event.data, performance.now());
  if (!isNew) return;
  tellOthers();
  chooseLive();
});
setInterval(() => {
  tellOthers();
  const before = others.size;
  for (const [name, said] of others) if (performance.now() - said > forgetAfter) others.delete(name);
  if (others.size < before) chooseLive();
}, tellEvery);
tellOthers();
