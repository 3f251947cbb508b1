"use strict";
const byId = (id) => document.getElementById(id);
const gallery = byId("gallery");

if (gallery) {
  const data = JSON.parse(byId("data").textContent);
  const cards = [...gallery.children].map((element, index) => ({ element, index, ...data[index] }));
  const large = byId("large");
  let kind = document.querySelector('input[name="picture"]:checked')?.value;
  let shown = cards;
  let open = null;

  const pictureOf = (card, wanted) => card.pictures[wanted] ?? Object.values(card.pictures)[0];

  const showKind = () => {
    for (const card of cards) {
      const image = card.element.querySelector("img");
      if (image) image.src = pictureOf(card, kind).small;
    }
  };

  const bound = (id) => (byId(id).value === "" ? null : Number(byId(id).value));

  const fits = (card, figure, least, most) => {
    const value = card.values[figure];
    const part = byId("name").value.trim().toLowerCase();
    if (part && !card.name.toLowerCase().includes(part)) return false;
    if (byId("warned").checked && card.warnings.length === 0) return false;
    if (least !== null && (value === null || value < least)) return false;
    return most === null || (value !== null && value <= most);
  };

  const orders = {
    name: (a, b) => a.index - b.index,
    down: (a, b, figure) => (b.values[figure] ?? -Infinity) - (a.values[figure] ?? -Infinity) || a.index - b.index,
    up: (a, b, figure) => (a.values[figure] ?? Infinity) - (b.values[figure] ?? Infinity) || a.index - b.index,
  };

  const arrange = () => {
    const figure = byId("figure").value;
    const order = orders[byId("order").value];
    const [least, most] = [bound("least"), bound("most")];
    const kept = cards.filter((card) => fits(card, figure, least, most));
    shown = kept.sort((a, b) => order(a, b, figure));
    const visible = new Set(shown);
    for (const card of cards) card.element.hidden = !visible.has(card);
    gallery.append(...shown.map((card) => card.element));
    byId("shown").textContent = shown.length === cards.length ? `${cards.length} shown` : `${shown.length} of ${cards.length} shown`;
    byId("empty").hidden = shown.length > 0;
  };

  const tag = (name, text, scope) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (scope) element.scope = scope;
    return element;
  };

  const showLargePicture = (wanted) => {
    const picture = pictureOf(open, wanted);
    const image = byId("large-picture");
    image.hidden = !picture;
    if (!picture) return;
    image.src = picture.large;
    image.alt = `${open.name}, ${wanted}`;
    for (const radio of byId("large-switch").querySelectorAll("input")) {
      radio.disabled = !(radio.value in open.pictures);
      radio.checked = open.pictures[radio.value] === picture;
    }
  };

  const show = (card) => {
    open = card;
    byId("large-name").textContent = card.name;
    byId("large-size").textContent = card.size;
    byId("large-warnings").replaceChildren(...card.warnings.map(([, message]) => tag("li", message)));
    byId("large-rows").replaceChildren(
      ...card.rows.map(([region, ...values]) => {
        const row = document.createElement("tr");
        row.append(tag("th", region, "row"), ...values.map((value) => tag("td", value)));
        return row;
      }),
    );
    showLargePicture(kind);
    if (!large.open) large.showModal();
  };

  const step = (by) => {
    const place = shown.indexOf(open);
    if (shown.length) show(shown[(place + by + shown.length) % shown.length]);
  };

  for (const radio of document.querySelectorAll('input[name="picture"]')) {
    radio.addEventListener("change", () => {
      kind = radio.value;
      showKind();
    });
  }
  byId("large-switch").addEventListener("change", (event) => showLargePicture(event.target.value));
  byId("tools").addEventListener("input", (event) => {
    if (event.target.name !== "picture") arrange();
  });
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  gallery.addEventListener("click", (event) => {
    if (event.target.closest("button")) show(cards[Number(event.target.closest("li.card").dataset.index)]);
  });
  byId("before").addEventListener("click", () => step(-1));
  byId("after").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => large.close());
  large.addEventListener("keydown", (event) => {
    if (event.target.type === "radio" || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    step(event.key === "ArrowLeft" ? -1 : 1);
  });
  large.addEventListener("close", () => open?.element.querySelector("button").focus());
  arrange();
}
