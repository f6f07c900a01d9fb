// Shows the routes that the service describes; asks for the token first where there is one.
const ask = document.getElementById("ask");

function show(spec, token) {
  ask.hidden = true;
  // The page knows best where it was found, behind whatever proxies.
  spec.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, "") }];
  const ui = SwaggerUIBundle({
    spec,
    dom_id: "#routes",
    docExpansion: "list",
    validatorUrl: null, // nothing leaves this machine
    onComplete: () => token && ui.preauthorizeApiKey("bearer", token),
  });
}

function explain(text, wantsToken) {
  document.getElementById("why").textContent = text;
  ask.hidden = !wantsToken;
}

async function load(token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    const answer = await fetch("openapi.json", { headers });
    if (answer.ok) return show(await answer.json(), token);
    const { error } = await answer.json();
    const wantsToken = answer.status === 401;
    explain(wantsToken && !token ? "This service asks for a token." : error.message, wantsToken);
  } catch (error) {
    explain(`The service does not describe itself: ${error.message}`);
  }
}

ask.addEventListener("submit", (event) => {
  event.preventDefault();
  load(document.getElementById("token").value);
});
load("");
