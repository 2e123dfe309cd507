// What players have in common that fetch a stream and read it to its end, again and again.

const retryAfter = 1000; // ms, after a stream that did not come

// Fetched is such a player. The class that extends it has an element, open(response), which returns a promise, and
// take(bytes).
export class Fetched {
  constructor(url, fail) {
    this.url = url;
    this.fail = fail;
  }

  async begin() {
    const abort = this.abort = new AbortController();
    try {
      const response = await fetch(this.url, { cache: "no-store", signal: abort.signal });
      if (!response.ok) throw new Error((await response.text()).trim());
      await this.open(response);
      const reader = response.body.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done || this.abort !== abort) break;
        this.take(value);
      }
      throw new Error("The stream has stopped.");
    } catch (error) {
      if (this.abort === abort) this.again(error instanceof TypeError ? "The picture cannot be had now." : error.message);
    }
  }

  // again begins anew after a while.
  again(reason) {
    this.abort?.abort();
    this.abort = null;
    this.fail(reason);
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
