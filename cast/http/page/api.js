// A token that the page was opened with goes with all that it asks for.
const token = new URLSearchParams(location.search).get("token");

// withToken is the URL of a path with a query, and the token in it. It is whole, as a path beside a page's URL that has
// a user and a password in it cannot be fetched; browsers send these by themselves.
export function withToken(path, more = "") {
  const query = new URLSearchParams(more);
  if (token) query.set("token", token);
  return location.origin + path + (query.size ? `?${query}` : "");
}
