// What this browser keeps: JSON by name, for the tab (session) or for all tabs (local). A browser
// that keeps nothing is fine too.
function kept(area) {
  return {
    get(name, otherwise) {
      try {
        return JSON.parse(area().getItem(name)) ?? otherwise;
      } catch {
        return otherwise;
      }
    },
    set(name, value) {
      try {
        if (value === null) area().removeItem(name);
        else area().setItem(name, JSON.stringify(value));
      } catch {
        // Full, or forbidden.
      }
    },
  };
}

export const tab = kept(() => sessionStorage);
export const browser = kept(() => localStorage);
