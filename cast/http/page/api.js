// A token that the page was opened with goes with all that it asks for.
const token = new URLSearchParams(location.search).get("token");

// withToken is a path with a query, and the token in it.
export function withToken(path, more = "") {
  const query = new URLSearchParams(more);
  if (token) query.set("token", token);
  return query.size ? `${path}?${query}` : path;
}
