// Shows the routes that the service describes, each with a form to try it; asks for the token first
// where there is one. Nothing is loaded from elsewhere, and all texts are set as texts, never as HTML.
const AGAIN_MILLISECONDS = 5000;
const byId = (id) => document.getElementById(id);
let token = "";

function make(tag, properties, ...children) {
  const { data, ...rest } = properties ?? {};
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(data ?? {})) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// --- What the page says of itself ----------------------------------------------------------

function withCode(text) {
  return text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

function explain(text, wantsToken) {
  byId("why").replaceChildren(...withCode(text));
  byId("ask").hidden = !wantsToken;
}

function authorized() {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function load() {
  try {
    const answer = await fetch("openapi.json", { headers: authorized() });
    if (answer.ok) return show(await answer.json());
    const { error } = await answer.json();
    const wantsToken = answer.status === 401;
    explain(wantsToken && !token ? "This service asks for a token." : error.message, wantsToken);
    if (answer.status !== 503) return undefined;
  } catch (error) {
    explain(`The service does not describe itself: ${error.message}`);
  }
  return setTimeout(load, AGAIN_MILLISECONDS); // a model may come, or the service come back
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value;
  load();
});

// --- The routes ----------------------------------------------------------------------------

function show(spec) {
  explain("", false);
  document.title = spec.info.title;
  byId("title").textContent = spec.info.title;
  byId("about").textContent = spec.info.description;
  showLinks();
  const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => ({ path, method: method.toUpperCase(), ...told })),
  );
  const groups = spec.tags.map((tag) => {
    const own = operations.filter((operation) => operation.tags.includes(tag.name));
    return section(tag.name, tag.description, own.map((operation) => route(spec, operation)));
  });
  byId("routes").replaceChildren(...groups, errors(spec, operations), schemas(spec));
  byId("routes").querySelector("details").open = true;
}

function section(name, text, parts) {
  const id = `group-${name}`;
  const title = name[0].toUpperCase() + name.slice(1);
  const heading = make("h2", { id }, title);
  return make("section", { data: { "aria-labelledby": id } }, heading, make("p", { className: "soft" }, text), ...parts);
}

function showLinks() {
  const links = [
    ["model/card", "Model card", "text/html"],
    ["model/history", "History", "application/json"],
    ["openapi.json", "OpenAPI description", "application/json"],
  ];
  byId("links").replaceChildren(...links.map(([path, text, kind]) => {
    const link = make("a", { href: path, target: "_blank", rel: "noopener" }, text);
    if (token) link.addEventListener("click", (event) => openWithToken(event, path, kind));
    return link;
  }));
  byId("links").hidden = false;
}

// A browser sends no token where a link leads, so that what is there is fetched and then shown.
async function openWithToken(event, path, kind) {
  event.preventDefault();
  const opened = window.open("", "_blank");
  const answer = await fetch(path, { headers: { ...authorized(), Accept: kind } });
  opened.location = URL.createObjectURL(await answer.blob());
}

function route(spec, operation) {
  const { method, path } = operation;
  const summary = make("summary", {}, make("span", { className: `method ${method}` }, method), " ",
    make("code", {}, path), ` ${operation.summary}`);
  const good = operation.responses["200"].content["application/json"]?.schema;
  const answers = good?.$ref ? make("p", {}, "Answers ", type(good), ".") : null;
  const details = make("details", {}, summary);
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return; // made when it is first opened
    details.append(make("div", {}, make("p", {}, ...withCode(operation.description)), answers, form(spec, operation)));
  });
  return details;
}

// --- Trying one ----------------------------------------------------------------------------

function form(spec, operation) {
  const { method, path } = operation;
  const content = operation.requestBody?.content["application/json"];
  const body = content ? bodyBox(operation, content.example) : null;
  const fields = body ? inputs(resolve(spec, content.schema), operation, body.box, content.example) : null;
  const out = make("div", { data: { role: "status" } });
  const send = make("button", {}, "Send");
  const curl = make("button", { type: "button", className: "plain" }, "Show as curl");
  const made = make("form", {}, fields, body?.whole, make("div", { className: "actions" }, send, curl), out);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(method, path, body?.box.value, out);
  });
  curl.addEventListener("click", () => result(out, "As curl", asCurl(method, path, body?.box.value)));
  return made;
}

function bodyBox(operation, example) {
  const id = `body-${operation.operationId}`;
  const text = JSON.stringify(example, null, 2);
  const box = make("textarea", { id, value: text, rows: Math.min(12, text.split("\n").length), spellcheck: false });
  return { box, whole: make("div", {}, make("label", { htmlFor: id, className: "label" }, "Request body, as JSON"), box) };
}

async function ask(method, path, body, out) {
  const began = performance.now();
  const headers = { ...authorized(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  try {
    const answer = await fetch(path.slice(1), { method, headers, body });
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    // HTTP/2 has no words beside the number.
    result(out, `Status ${answer.status}, ${took} ms`, pretty(text), !answer.ok);
  } catch (error) {
    result(out, "No answer", error.message, true);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function result(out, status, text, isBad) {
  const title = make("p", { className: isBad ? "status bad" : "status" }, status);
  out.replaceChildren(title, make("pre", { tabIndex: 0, data: { role: "region", "aria-label": status } }, text));
}

function asCurl(method, path, body) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = [`curl ${quoted(new URL(path.slice(1), document.baseURI).href)}`];
  if (token) parts.push(`-H "Authorization: Bearer $SALARY_TOKEN"`);
  if (body !== undefined) parts.push(`-H 'Content-Type: application/json'`, `-d ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

// A field of the contract each, beside the JSON that is sent; only where all of them are plain.
function inputs(schema, operation, box, example) {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.some(([, told]) => !["string", "number", "integer", "boolean"].includes(plain(told).type))) return null;
  const controls = new Map();
  const made = fields.map(([name, told]) => {
    const id = `${operation.operationId}-${name}`;
    const required = schema.required?.includes(name);
    const input = control(plain(told), id, (value) => {
      const values = objectIn(box.value) ?? { ...example }; // whatever was typed there stays
      if (value === undefined) delete values[name];
      else values[name] = value;
      box.value = JSON.stringify(values, null, 2);
    });
    controls.set(name, input);
    input.setAttribute("aria-describedby", `${id}-help`);
    const label = make("label", { htmlFor: id }, told.title ?? name, required ? "" : " (optional)");
    return make("div", { className: "field" }, label, input, make("span", { id: `${id}-help`, className: "help" }, told.description ?? ""));
  });
  const follow = () => {
    const values = objectIn(box.value);
    for (const [name, input] of controls) if (values) input.value = values[name] ?? "";
  };
  box.addEventListener("input", follow);
  follow();
  return make("div", { className: "fields" }, ...made);
}

// The object that a text holds as JSON; nothing if it holds none, or not yet.
function objectIn(text) {
  try {
    const found = JSON.parse(text);
    return found !== null && typeof found === "object" && !Array.isArray(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function control(told, id, change) {
  const options = told.type === "boolean" ? ["true", "false"] : told.enum;
  if (options) {
    const select = make("select", { id }, make("option", { value: "" }, "–"), ...options.map((text) => make("option", { value: text }, text)));
    select.addEventListener("change", () => change(read(told, select.value)));
    return select;
  }
  const kinds = { number: "number", integer: "number" };
  const input = make("input", { id, type: kinds[told.type] ?? (told.format === "date" ? "date" : "text") });
  if (kinds[told.type]) input.step = told.type === "integer" ? "1" : "any";
  input.addEventListener("input", () => change(read(told, input.value)));
  return input;
}

function read(told, text) {
  if (text === "") return undefined;
  if (told.type === "boolean") return text === "true";
  return told.type === "number" || told.type === "integer" ? Number(text) : text;
}

// --- Schemas -------------------------------------------------------------------------------

function resolve(spec, schema) {
  return schema.$ref ? spec.components.schemas[nameOf(schema)] : schema;
}

function nameOf(schema) {
  return schema.$ref.split("/").pop();
}

// A schema without the null that an optional field may be.
function plain(schema) {
  const kinds = (schema.anyOf ?? []).filter((each) => each.type !== "null");
  return kinds.length === 1 ? { ...schema, ...kinds[0] } : schema;
}

function type(schema) {
  const told = plain(schema);
  if (told.$ref) {
    const link = make("a", { href: `#schema-${nameOf(told)}` }, nameOf(told));
    link.addEventListener("click", () => { byId("all-schemas").open = byId(`schema-${nameOf(told)}`).open = true; });
    return link;
  }
  if (told.items) return make("span", {}, "list of ", type(told.items));
  const either = told.anyOf ?? told.oneOf;
  if (either) return make("span", {}, ...either.flatMap((each, place) => (place ? [" or ", type(each)] : [type(each)])));
  if (typeof told.additionalProperties === "object") return make("span", {}, "by name: ", type(told.additionalProperties));
  return make("span", {}, told.format ?? told.type ?? "anything");
}

function schemas(spec) {
  const all = Object.entries(spec.components.schemas).sort(([one], [other]) => one.localeCompare(other));
  const parts = all.map(([name, schema]) => {
    const details = make("details", { id: `schema-${name}` }, make("summary", {}, make("code", {}, name)));
    details.addEventListener("toggle", () => {
      if (details.childElementCount === 1) details.append(make("div", {}, ...table(schema)));
    });
    return details;
  });
  const whole = make("details", { id: "all-schemas" }, make("summary", {}, `${parts.length} schemas`), make("div", {}, ...parts));
  return section("schemas", "What requests and answers hold, by name", [whole]);
}

function table(schema) {
  const about = schema.description ? [make("p", {}, schema.description.split("\n\n")[0])] : [];
  const rows = Object.entries(schema.properties ?? {}).map(([name, told]) => [
    make("code", {}, name), type(told), told.description ?? "", schema.required?.includes(name) ? "yes" : "no",
  ]);
  if (!rows.length) return [...about, make("p", {}, type(schema))];
  return [...about, grid(["Field", "Type", "What it is", "Always there"], rows)];
}

function grid(names, rows) {
  const head = make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));
  const lines = rows.map(([first, ...rest]) =>
    make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((cell) => make("td", {}, cell))));
  return make("table", {}, head, make("tbody", {}, ...lines));
}

// --- Errors: one shape, told once ------------------------------------------------------------

function errors(spec, operations) {
  const told = new Map(operations.flatMap(({ responses }) =>
    Object.entries(responses).filter(([status]) => status !== "200").map(([status, each]) => [status, each.description])));
  const rows = [...told].sort().map(([status, text]) => [make("code", {}, status), text]);
  const shape = { error: { code: "invalid_input", message: "…", details: [{ field: "…", message: "…" }] } };
  const details = make("details", {}, make("summary", {}, "What an error looks like, and when there is one"),
    make("div", {}, make("pre", { tabIndex: 0, data: { role: "region", "aria-label": "The shape of an error" } }, JSON.stringify(shape, null, 2)),
      grid(["Status", "When"], rows)));
  return section("errors", "All routes refuse in one and the same form", [details]);
}

load();
