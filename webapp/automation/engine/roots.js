// Runs before a page's own scripts and keeps its closed shadow roots, which no later script could reach.
// Nothing shows: no new global, no new property; the one way in is a property named by the secret, answered by a trap.
(secret) => {
  const kept = new WeakMap();
  const look = (host) => kept.get(host) || null;
  const original = Element.prototype.attachShadow;
  if (typeof original !== "function" || original[secret]) return;
  const trapped = new Proxy(original, {
    apply(target, host, given) {
      const root = Reflect.apply(target, host, given);
      kept.set(host, root);
      return root;
    },
    get(target, name) {
      return name === secret ? look : Reflect.get(target, name);
    },
  });
  const before = Object.getOwnPropertyDescriptor(Element.prototype, "attachShadow");
  Object.defineProperty(Element.prototype, "attachShadow", { ...before, value: trapped });
  const shown = Function.prototype.toString;
  const told = new Proxy(shown, {
    apply: (target, self, given) => Reflect.apply(target, self === trapped ? original : self === told ? shown : self, given),
  });
  Object.defineProperty(Function.prototype, "toString", {
    ...Object.getOwnPropertyDescriptor(Function.prototype, "toString"),
    value: told,
  });
}
