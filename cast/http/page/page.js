// The page: it asks the server for the streams and their figures, again and again, and shows a tile for each.
import { reasonOf, server, withToken } from "./api.js";
import { addTile, chooseLive, removeTile, tiles } from "./live.js";
import { setText } from "./tile.js";

const pollEvery = 500;      // ms between two looks at the figures
const pollTimeout = 4000;   // ms
const asleep = 20000;       // ms between two looks of a page that is seen: the machine was asleep
const leaveAfter = 60000;   // ms that a page is hidden until its sessions end

const status = document.getElementById("status");

function say(text, isBad) {
  setText(status, text);
  status.classList.toggle("bad", isBad);
}

// update takes what the server says of all streams.
function update(answer) {
  if (server.instance && server.instance !== answer.instance) resetAll(); // it was started anew
  Object.assign(server, { instance: answer.instance, you: answer.you, ports: answer.ports });
  const names = new Set(answer.streams.map(s => s.name));
  for (const [name, tile] of tiles) if (!names.has(name)) removeTile(tile);
  for (const stream of answer.streams) (tiles.get(stream.name) ?? addTile(stream)).show(stream);
  chooseLive();
  const count = answer.streams.length;
  say(count === 1 ? "1 stream" : `${count} streams`, false);
}

// resetAll has all pictures begin anew, in the best way.
function resetAll() { for (const tile of tiles.values()) tile.reset(); }

let wake = () => {}; // ends the wait between two looks

// poll looks at the figures again and again. After a failure what takes a connection begins anew, as that may be dead; what
// comes by UDP goes on by itself. After a sleep all begins anew. Failures and hidden pages, in which browsers slow down
// timers, are no sleep.
async function poll() {
  let looked = Date.now(), wasSeen = false, slept = false;
  for (;;) {
    slept ||= wasSeen && Date.now() - looked > asleep;
    looked = Date.now();
    wasSeen = !document.hidden;
    try {
      const response = await fetch(withToken("/api/v1/streams"), { cache: "no-store", signal: AbortSignal.timeout(pollTimeout) });
      if (!response.ok) throw new Error(await reasonOf(response));
      const answer = await response.json();
      if (slept) resetAll();
      else if (!server.isAnswering) for (const tile of tiles.values()) tile.release();
      slept = false;
      server.isAnswering = true;
      update(answer);
    } catch (error) {
      server.isAnswering = false;
      const isAnswer = !["TypeError", "TimeoutError", "SyntaxError"].includes(error.name);
      const reason = isAnswer ? error.message : "The server does not answer.";
      for (const tile of tiles.values()) tile.unanswered(reason);
      say(reason, true);
    }
    await new Promise(done => {
      wake = done;
      setTimeout(done, document.hidden ? 4 * pollEvery : pollEvery);
    });
  }
}
poll();

// A page that is hidden gives its connections back, as others may need them, and ends its sessions after a while: cameras and
// encoders work for those who watch.
let leaving = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) {
    for (const tile of tiles.values()) tile.release();
    leaving = setTimeout(() => { for (const tile of tiles.values()) tile.stop(); }, leaveAfter);
  } else {
    chooseLive();
    wake();
  }
});

// In another network a way may be open that was not before.
addEventListener("online", () => {
  resetAll();
  chooseLive();
  wake();
});

// A browser that starts no pictures by itself does after a click or a key.
for (const event of ["click", "keydown"]) addEventListener(event, () => { for (const tile of tiles.values()) tile.player?.moved(); });

// A page that is left ends its sessions. One that is come back to by the browser's buttons begins them anew.
addEventListener("pagehide", () => { for (const tile of tiles.values()) tile.stop(); });
addEventListener("pageshow", event => { if (event.persisted) chooseLive(); });
