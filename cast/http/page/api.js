// The server: where it is, and what it has said of itself.

// folder is the path that a proxy has the server below, "" for none.
const folder = new URL("..", import.meta.url).pathname.slice(0, -1);

// origin is the start of all that is asked for. It has no user and no password, as a page's URL may: what has them cannot be
// fetched, and browsers send them by themselves.
const origin = location.origin + folder;

// A token that the page was opened with goes with all that it asks for.
const token = new URLSearchParams(location.search).get("token");

// withToken is the URL of a path with a query, and the token in it.
export function withToken(path, more = "") {
  const query = new URLSearchParams(more);
  if (token) query.set("token", token);
  return origin + path + (query.size ? `?${query}` : "");
}

// forPeople is the start of the URLs that other programs are given, with a user's name in it.
export function forPeople(user) { return `${location.protocol}//${user}${location.host}${folder}`; }

// reasonOf is why a request was refused. The server says that in plain text, or in a problem's detail. Anything else, such as
// a page of HTML, is from a proxy that has no answer of the server.
export async function reasonOf(response) {
  const text = (await response.text()).trim();
  if (text && response.headers.get("Content-Type")?.startsWith("text/plain")) return text;
  try {
    const { detail } = JSON.parse(text);
    if (detail && typeof detail === "string") return detail;
  } catch { // it is no JSON
  }
  return `The server does not answer (${response.status}).`;
}

// server is what it has said last.
export const server = {
  isAnswering: false,             // what it was asked last
  instance: "",                   // another one after a restart
  you: { user: "", admin: false },
  ports: {},                      // of its other protocols
};
