import { Fetched } from "./fetched.js";

// MJPEG is a series of JPEGs, each of which is drawn when its last byte has come. In an <img> Chromium shows each
// when the next one begins, a frame later.
export class MJPEG extends Fetched {
  static title = "MJPEG";

  static isSupported() { return true; }

  constructor(name, path, host) {
    super(path(`/${name}.mjpg`), host);
    this.element = document.createElement("canvas");
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", `Live picture of ${name}`);
    this.element.width = 0; // until there is a picture
    this.context = this.element.getContext("2d", { alpha: false });
    this.next = null; // the picture that is decoded after the one in hand
    this.isDrawing = false;
    this.decoded = this.dropped = 0;
  }

  figures() { return { decoded: this.decoded, dropped: this.dropped }; }

  moved() {}

  async open() { this.parts = new Parts(picture => this.show(picture)); }

  take(bytes) { this.parts.push(bytes); }

  // show draws the newest picture. Those that come while one is decoded, or nobody sees the page, are skipped.
  async show(picture) {
    if (this.next) this.dropped++;
    this.next = picture;
    if (this.isDrawing || document.hidden) return;
    this.isDrawing = true;
    while (this.next && this.abort) {
      const blob = new Blob([this.next], { type: "image/jpeg" });
      this.next = null;
      try {
        this.draw(await createImageBitmap(blob));
        this.decoded++;
        this.host.fail("");
      } catch {
        this.host.fail("The picture cannot be decoded here.");
      }
    }
    this.isDrawing = false;
  }

  draw(bitmap) {
    const { element } = this, { width, height } = bitmap;
    if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
  }
}

const ascii = new TextDecoder("latin1");
const mostHeadBytes = 1024, mostPartBytes = 64 << 20; // a server that sends more is none of ours

// Parts splits a multipart response into its parts, by the length that the head of each says.
class Parts {
  constructor(take) {
    this.take = take;
    this.bytes = new Uint8Array(1 << 18);
    this.size = 0;    // of what has come and was not taken
    this.length = -1; // of the part that comes, -1: its head comes
  }

  push(chunk) {
    if (this.size + chunk.length > this.bytes.length) {
      const larger = new Uint8Array(2 * (this.size + chunk.length));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(chunk, this.size);
    this.size += chunk.length;
    let at = 0;
    for (;;) {
      if (this.length < 0) {
        const head = ascii.decode(this.bytes.subarray(at, Math.min(at + mostHeadBytes, this.size))), end = head.indexOf("\r\n\r\n");
        if (end < 0 && head.length < mostHeadBytes) break;
        this.length = Number(/^Content-Length: *(\d+)/im.exec(head.slice(0, end))?.[1]);
        if (!(end >= 0 && this.length <= mostPartBytes)) throw new Error("The series of pictures is malformed.");
        at += end + 4;
      }
      if (this.size - at < this.length) break;
      this.take(this.bytes.slice(at, at + this.length));
      at += this.length;
      this.length = -1;
    }
    this.bytes.copyWithin(0, at, this.size);
    this.size -= at;
  }
}
