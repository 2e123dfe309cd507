// How a stream is shown. A player's class has a title, and isSupported() says whether this browser has what it needs. A
// player has an element, begin(), stop(), moved(), which is called when its element was moved within the page, and figures(),
// which are how many pictures were decoded and dropped, null if that is not known. Its host has fail(reason), which takes
// what is wrong, "" when it is over; giveUp(reason), which has another player try, and returns false if there is none;
// pauses(), which in a page that nobody sees ends the player, to begin anew when the page is seen, and says whether it did;
// and expects(ms), which says whether a picture is due when none has come for so long.

import { Fetched, Refused } from "./fetched.js";

// start has a video play. Some browsers do that only after a click or a key, also without sound.
export function start(video, host) {
  video.play().catch(error => {
    if (error.name === "NotAllowedError") host.fail("This browser starts no picture by itself: click anywhere, or press a key.");
  });
}

// showBroken hides an image while it has no picture: browsers show a torn one instead.
function showBroken(image, isBroken) { image.classList.toggle("broken", isBroken); }

// Snapshots is the newest picture, every two seconds.
export class Snapshots {
  static title = "Snapshots";

  static isSupported() { return true; }

  constructor(name, path, host) {
    this.element = new Image();
    this.element.alt = `Picture of ${name}, renewed every two seconds`;
    this.begin = () => { this.element.src = path(`/${name}.jpg`, `n=${Date.now()}`); };
    const later = () => { this.timer = setTimeout(this.begin, 2000); };
    this.element.addEventListener("load", () => { showBroken(this.element, false); host.fail(""); later(); });
    this.element.addEventListener("error", () => { showBroken(this.element, true); host.fail("No picture can be had of this stream."); later(); });
  }

  figures() { return null; }

  moved() {}

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.element.removeAttribute("src");
  }
}

// How far behind the newest picture is shown, in seconds: aim for the first, go faster above the second, and jump
// above the third. What was shown longer ago than the fourth is given up.
const edge = { aim: 0.05, faster: 0.12, jump: 0.6, keep: 4 };

// MP4 is fragments of MP4 by Media Source Extensions.
export class MP4 extends Fetched {
  static title = "MP4";

  static isSupported() { return "MediaSource" in window; }

  constructor(name, path, host) {
    super(path(`/${name}.mp4`), host);
    this.element = document.createElement("video");
    this.element.muted = true;
    this.element.playsInline = true;
    this.element.disablePictureInPicture = true;
    this.element.setAttribute("aria-label", `Live picture of ${name}`);
    this.element.addEventListener("canplay", () => this.moved());
    this.element.addEventListener("error", () => this.abort && this.again("The picture cannot be decoded here."));
  }

  figures() {
    const { totalVideoFrames, droppedVideoFrames } = this.element.getVideoPlaybackQuality();
    return { decoded: totalVideoFrames, dropped: droppedVideoFrames };
  }

  // moved goes on, as browsers pause a video that is moved.
  moved() { start(this.element, this.host); }

  // open makes the buffer that the browser plays from.
  async open(response) {
    const type = response.headers.get("Content-Type");
    if (!MediaSource.isTypeSupported(type)) throw new Refused(`This browser does not play ${type}.`);
    this.queue = [];
    const source = new MediaSource();
    URL.revokeObjectURL(this.element.src);
    this.element.src = URL.createObjectURL(source);
    await new Promise(done => source.addEventListener("sourceopen", done, { once: true }));
    this.buffer = source.addSourceBuffer(type);
    this.buffer.addEventListener("updateend", () => {
      if (!this.element.paused) this.host.fail("");
      this.follow();
      this.append();
    });
  }

  take(bytes) {
    this.queue.push(bytes);
    this.append();
  }

  // append gives the browser what has come.
  append() {
    if (this.buffer.updating || this.element.error) return;
    const { buffered } = this.buffer, now = this.element.currentTime;
    try {
      if (buffered.length && buffered.start(0) < now - 2 * edge.keep) {
        this.buffer.remove(0, now - edge.keep);
      } else if (this.queue.length) {
        this.buffer.appendBuffer(join(this.queue.splice(0)));
      }
    } catch (error) {
      this.again(error.message);
    }
  }

  // follow keeps what is shown near the newest picture.
  follow() {
    const { buffered } = this.buffer, video = this.element;
    if (!buffered.length) return;
    const end = buffered.end(buffered.length - 1), behind = end - video.currentTime;
    if (behind > edge.jump || video.currentTime < buffered.start(buffered.length - 1)) {
      video.currentTime = Math.max(end - edge.aim, buffered.start(buffered.length - 1));
    }
    // The further behind the faster, in steps of a tenth: a new rate costs the browser something.
    const rate = behind > edge.faster ? 1 + Math.round(10 * Math.min(behind - edge.aim, 0.5)) / 10 : 1;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused) this.moved();
  }

  stop() {
    super.stop();
    URL.revokeObjectURL(this.element.src);
    this.element.removeAttribute("src");
    this.element.load();
  }
}

// join makes one array of several.
function join(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}
