// An answer as JSON text by none of the page's own ways: old libraries give arrays and texts a toJSON that spoils them.
const quote = JSON.stringify;
const pack = (value) => {
  if (typeof value === "string") return quote(value.toWellFormed());
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  if (typeof value === "boolean") return String(value);
  if (value === null || typeof value !== "object") return "null";
  const parts = [];
  if (Array.isArray(value)) {
    for (const one of value) parts[parts.length] = pack(one);
    return "[" + parts + "]";
  }
  for (const name of Object.keys(value)) parts[parts.length] = quote(name) + ":" + pack(value[name]);
  return "{" + parts + "}";
};
