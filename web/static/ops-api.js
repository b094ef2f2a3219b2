// Asks the server with the operator's token. The token is in this tab's session storage and nowhere
// else: no cookie carries it, no address holds it.
const KEPT = "ops-token";
const SENDABLE = /^[\x21-\x7e]+$/;

export const token = {
  get: () => sessionStorage.getItem(KEPT),
  keep: (text) => sessionStorage.setItem(KEPT, text),
  forget: () => sessionStorage.removeItem(KEPT),
};

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// The response; Refused for an answer that says no.
export async function ask(path, { method = "GET", signal } = {}) {
  const shown = token.get() ?? "";
  if (!SENDABLE.test(shown)) throw new Refused(401, "this can't be a token");
  const response = await fetch(path, {
    method, signal, cache: "no-store", credentials: "omit", redirect: "error",
    headers: { Authorization: `Bearer ${shown}` },
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? `the server answered ${response.status}`);
}

export const read = async (path, how) => (await ask(path, how)).json();
