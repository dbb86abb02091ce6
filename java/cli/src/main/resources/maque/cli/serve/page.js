"use strict";

const PAUSE_MS = 150; // between the last key and the question
const TIMES = 3; // how often a model is asked; the least of its times is shown
const SHOWN = 6; // classes of a card

const $ = (id) => document.getElementById(id);
const text = $("text");

let models = [];
let cards = new Map();
let asking = null; // what cancels the question under way
let timer = 0;

const element = (name, className, content) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
};

const digits = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const duration = (micros) =>
  micros < 1000 ? `${digits(micros)} µs` : micros < 1e6 ? `${digits(micros / 1e3)} ms` : `${digits(micros / 1e6)} s`;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function size(model) {
  const count = model.parameters;
  const parameters =
    count < 1e5 ? count.toLocaleString("en") : `${digits(count / 1e6)} million`;
  return `${parameters} parameters, ${digits(model.native_bytes / 1048576)} MB`;
}

function showError(message) {
  $("error").textContent = message;
  $("error").hidden = !message;
}

/** The answer's JSON; throws with the server's own words. */
async function json(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Error("The server does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error || `The server answered ${response.status}.`);
  return body;
}

function addCard(model) {
  const card = $("card").content.firstElementChild.cloneNode(true);
  card.classList.add(model.name === "teacher" ? "teacher" : "student");
  card.querySelector("h2").textContent = capital(model.name);
  card.querySelector(".about").textContent = size(model);
  $("cards").append(card);
  cards.set(model.name, card);
}

function lane(share) {
  const track = element("div", "lane");
  const fill = element("div", "fill");
  fill.style.width = `${100 * share}%`;
  track.append(fill);
  return track;
}

function bars(list, probabilities) {
  const rows = Object.entries(probabilities).sort((a, b) => b[1] - a[1]); // a name of digits comes first in objects
  list.replaceChildren(
    ...rows.slice(0, SHOWN).map(([name, share], i) => {
      const row = element("li", i === 0 ? "first" : "");
      row.append(element("span", "name", name), element("span", "percent", percent(share)), lane(share));
      return row;
    }),
  );
  return rows.length - SHOWN;
}

function showAnswer(answer) {
  const card = cards.get(answer.model);
  card.querySelector(".waiting").hidden = true;
  const part = card.querySelector(".answer");
  part.hidden = false;
  part.classList.remove("stale");
  card.querySelector(".label").textContent = answer.label;
  card.querySelector(".micros").textContent = duration(answer.micros);
  const more = bars(card.querySelector(".bars"), answer.probabilities);
  const notes = [];
  if (answer.truncated) notes.push("The text is longer than this model reads; its end was cut.");
  if (answer.deferred) notes.push("Not sure enough: deferred.");
  if (more > 0) notes.push(`and ${more} less probable classes`);
  card.querySelector(".note").textContent = notes.join(" ");
  card.querySelector(".note").hidden = notes.length === 0;
}

/** Student beside teacher. */
function compare(student, teacher) {
  const agree = student.label === teacher.label;
  $("agreement").textContent = agree ? "✓ They agree" : "≠ They differ";
  $("agreement").classList.toggle("differ", !agree);
  const times = teacher.micros / student.micros;
  $("speed").replaceChildren(
    "The student is ",
    element("strong", "", `${times < 10 ? times.toFixed(1) : Math.round(times)}×`),
    " as fast",
  );
  const slower = Math.max(student.micros, teacher.micros);
  $("race").replaceChildren(
    ...[student, teacher].flatMap((answer) => {
      const track = lane(answer.micros / slower);
      track.classList.add(answer.model);
      return [element("span", "", answer.model), track, element("span", "", duration(answer.micros))];
    }),
  );
  $("verdict").hidden = $("race").hidden = false;
}

function announce(answers) {
  const parts = answers.map(
    (a) => `${capital(a.model)}: ${a.label}, ${percent(a.probability)}, in ${duration(a.micros)}.`,
  );
  if (answers.length === 2) parts.push(`${$("agreement").textContent.slice(2)}. ${$("speed").textContent}.`);
  $("announcement").textContent = parts.join(" ");
}

function clear() {
  for (const card of cards.values()) {
    card.querySelector(".waiting").hidden = false;
    card.querySelector(".answer").hidden = true;
  }
  $("verdict").hidden = $("race").hidden = true;
  $("announcement").textContent = "";
  showError("");
}

/** One model's answer with the least of its times: other work on the machine only ever adds to them. */
async function answerOf(model, signal) {
  let best = null;
  for (let i = 0; i < TIMES; i++) {
    const answer = await json("v1/predict", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: text.value, model: model.name }),
      signal,
    });
    if (!best || answer.micros < best.micros) best = answer;
  }
  return best;
}

/** Asks one model after the other, so that neither takes the other's processor. */
async function ask() {
  clearTimeout(timer);
  if (asking) asking.abort();
  if (!text.value.trim()) {
    clear();
    return;
  }
  const own = (asking = new AbortController());
  const answers = [];
  try {
    for (const model of models) {
      const answer = await answerOf(model, own.signal);
      answers.push(answer);
      showError("");
      showAnswer(answer);
    }
    if (answers.length === 2) compare(...answers);
    announce(answers);
  } catch (e) {
    if (own.signal.aborted) return;
    clear();
    showError(e.message);
  }
}

function askSoon() {
  clearTimeout(timer);
  document.querySelectorAll(".answer").forEach((answer) => answer.classList.add("stale"));
  timer = setTimeout(ask, PAUSE_MS);
}

function offer(examples) {
  for (const example of examples) {
    const button = element("button", "", example);
    button.type = "button";
    button.addEventListener("click", () => {
      text.value = example;
      ask();
    });
    const item = element("li");
    item.append(button);
    $("example-list").append(item);
  }
  $("examples").hidden = examples.length === 0;
}

/** A link to /#words opens with these words; the server never sees them in the address. */
function fromAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

async function start() {
  try {
    const served = await json("v1/models");
    models = served.models;
    models.forEach(addCard);
    offer(served.examples);
    if (models.length === 2) $("lead").textContent = "Type a text and watch student and teacher answer.";
  } catch (e) {
    showError(e.message);
    return;
  }
  const words = fromAddress();
  if (words) text.value = words;
  if (text.value) ask();
}

text.addEventListener("input", askSoon);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask();
  }
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
start();
