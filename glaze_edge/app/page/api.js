// The server: requests, and the events it sends.

/** A problem as the server tells it: `kind`, `text` and `remedy`. */
export class ApiError extends Error {
  constructor(problem) {
    super(problem.text);
    Object.assign(this, problem);
  }
}

async function ask(method, url, body, headers, signal) {
  let response;
  try {
    response = await fetch(url, { method, body, headers, signal });
  } catch (error) {
    throw new ApiError({ kind: error.name === "AbortError" ? "replaced" : "unreachable" });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(answer.error ?? { kind: "other", text: response.statusText });
  return answer;
}

export const post = (url, body = {}, signal = undefined) =>
  ask("POST", url, JSON.stringify(body), { "Content-Type": "application/json" }, signal);
export const remove = (url) => ask("DELETE", url);
export const upload = (url, file) =>
  ask("PUT", `${url}?name=${encodeURIComponent(file.name)}`, file, { "Content-Type": "application/octet-stream" });

/** Ids and the names of styles and encoders are safe in a path. */
export const picture = (id, what) => `pictures/${id}/${what}`;

const PATIENCE = 1500;
const AGAIN = 3000;

/** Listens until the program is told to end; `lost(true)` when the connection has been away for a moment. */
export function listen({ state, progress, lost }) {
  let source;
  let waiting = null;
  let ended = false;
  const away = () => {
    waiting ??= setTimeout(() => lost(true), PATIENCE);
  };
  const connect = () => {
    source = new EventSource("events");
    source.addEventListener("open", () => {
      clearTimeout(waiting);
      waiting = null;
      lost(false);
    });
    source.addEventListener("state", (event) => state(JSON.parse(event.data)));
    source.addEventListener("progress", (event) => progress(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (ended) return;
      away();
      // The browser tries again by itself but when the answer was an error.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => ended || connect(), AGAIN);
    });
  };
  connect();
  return () => {
    ended = true;
    clearTimeout(waiting);
    source.close();
  };
}
