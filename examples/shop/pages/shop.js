"use strict";
const at = (id) => document.getElementById(id);
const say = (text) => { at("message").textContent = text; };
const price = (cents) => new Intl.NumberFormat("en", { style: "currency", currency: "EUR" }).format(cents / 100);

async function api(path, wish) {
  const asked = wish && { method: "POST", body: JSON.stringify(wish), headers: { "content-type": "application/json" } };
  const answer = await fetch("/api/" + path, { ...asked, signal: AbortSignal.timeout(8000) });
  at("api-version").textContent = " · api " + (answer.headers.get("x-version") || "unknown");
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

// While a release is under way this page may be served by an api that knows no reviews yet.
function reviews(product) {
  if (document.body.dataset.reviews !== "shown" || product.reviews === undefined) return "";
  if (!product.reviews) return "No reviews yet";
  return `★ ${product.stars.toFixed(1)} from ${product.reviews} ${product.reviews === 1 ? "review" : "reviews"}`;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function showList() {
  const { products } = await api("products");
  at("products").replaceChildren(...products.map((product) => {
    const link = element("a", product.name);
    link.href = "/product/" + product.id;
    const title = element("h2", "");
    title.append(link);
    const item = document.createElement("li");
    item.append(title, element("p", product.text), element("p", price(product.cents), "price"));
    if (reviews(product)) item.append(element("p", reviews(product), "stars"));
    return item;
  }));
  say(products.length + " things, all in stock");
}

async function showProduct(id) {
  const product = await api("products/" + id);
  document.title = product.name + " · Low Tide Supply";
  at("name").textContent = product.name;
  at("text").textContent = product.text;
  at("price").textContent = price(product.cents);
  at("stars").textContent = reviews(product);
  at("stars").hidden = !reviews(product);
  at("product").hidden = false;
  at("order").addEventListener("submit", (event) => { event.preventDefault(); order(product); });
  say("");
}

async function order(product) {
  const button = at("order").querySelector("button");
  button.disabled = true;
  try {
    const placed = await api("orders", { product: product.id, quantity: at("quantity").valueAsNumber });
    say(`Thank you. Order ${placed.id}: ${placed.quantity} × ${product.name}, ${price(placed.cents)}`);
  } catch (error) {
    say("That did not work: " + error.message + " Please try again.");
  } finally {
    button.disabled = false;
  }
}

const asked = location.pathname.match(/^\/product\/(\d+)/);
(asked ? showProduct(asked[1]) : showList()).catch((error) => say("That did not work: " + error.message));
