// What players have in common that fetch a stream and read it to its end, again and again.
import { reasonOf } from "./api.js";

const retryAfter = 1000; // ms, after a stream that did not come
// ms without a byte, where pictures are expected: a connection that is dead says nothing. Some streams have a key frame, with
// which they begin, every 10 s.
const patience = 12000, lookEvery = 1000;

// Refused is why a player cannot show a stream, however often it tries.
export class Refused extends Error {}

// Fetched is such a player. The class that extends it has an element, open(response), which returns a promise, and
// take(bytes).
export class Fetched {
  constructor(url, host) {
    this.url = url;
    this.host = host;
  }

  async begin() {
    const abort = this.abort = new AbortController();
    this.watch(abort);
    try {
      const response = await fetch(this.url, { cache: "no-store", signal: abort.signal });
      if (!response.ok) {
        const reason = await reasonOf(response);
        if (response.status === 406) throw new Refused(reason); // the stream is not to be had in this form
        throw new Error(reason);
      }
      await this.open(response);
      const reader = response.body.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.abort !== abort) break;
        this.came = performance.now();
        this.take(value);
      }
      throw new Error("The stream has stopped.");
    } catch (error) {
      if (this.abort !== abort || error instanceof Refused && this.host.giveUp(error.message)) return;
      this.again(error instanceof TypeError ? "The picture cannot be had now." : error.message);
    }
  }

  // watch looks again and again whether something has come.
  watch(abort) {
    this.came = performance.now();
    const timer = setInterval(() => {
      const silence = performance.now() - this.came;
      if (this.abort !== abort) clearInterval(timer);
      else if (silence >= patience && this.host.expects(silence)) this.again(`Nothing has come for ${patience / 1000} s.`);
    }, lookEvery);
  }

  // again begins anew after a while.
  again(reason) {
    this.abort?.abort();
    this.abort = null;
    this.host.fail(reason);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.begin(), retryAfter);
  }

  stop() {
    clearTimeout(this.timer);
    const abort = this.abort;
    this.abort = null;
    abort?.abort();
  }
}
