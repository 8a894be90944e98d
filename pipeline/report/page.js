// What the report does beyond being read: values under the pointer, tables that sort and filter, details for print.
// Text of documents is only ever set as textContent.
"use strict";

(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);

  const place = (x, y) => {
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(x + 14, 6), innerWidth - box.width - 6);
    const below = y + 16 + box.height < innerHeight;
    tip.style.left = `${Math.max(left, 6)}px`;
    tip.style.top = `${Math.max(below ? y + 16 : y - box.height - 12, 6)}px`;
  };
  const show = (event) => {
    const on = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
    tip.hidden = !on;
    if (on) {
      tip.textContent = on.dataset.tip;
      place(event.clientX, event.clientY);
    }
  };
  addEventListener("pointermove", show);
  addEventListener("pointerdown", show);
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  document.documentElement.addEventListener("pointerleave", () => { tip.hidden = true; });
  addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });

  // A cell sorts by its data-value where it has one, else by its text; numbers before words, empty cells last.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    const value = Number(text);
    return text !== "" && !Number.isNaN(value) ? value : text;
  };
  const before = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
    return typeof a === "number" ? -1 : 1;
  };
  const sort = (table, heads, column) => {
    const head = heads[column];
    const order = head.getAttribute("aria-sort");  // the first click: words from A, numbers from the largest
    const rising = order === null ? head.classList.contains("t") : order === "descending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row, place) => ({ row, place, value: valueOf(row, column) }));
    const empty = (one) => one.value === "";
    rows.sort((a, b) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b) || a.place - b.place;
      return (rising ? 1 : -1) * before(a.value, b.value) || a.place - b.place;
    });
    body.append(...rows.map((one) => one.row));
  };
  document.querySelectorAll("table.sorts").forEach((table) => {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, heads, column));
      head.append(button);
    });
  });

  // data-find names what one types in; the children that hold every typed word stay.
  document.querySelectorAll("[data-find]").forEach((box) => {
    const items = () => Array.from(box.tagName === "TABLE" ? box.tBodies[0].rows : box.querySelectorAll(".item"));
    if (items().length < 8) return;  // all of it is seen at once
    const bar = document.createElement("div");
    bar.className = "find";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = box.dataset.find;
    input.setAttribute("aria-label", box.dataset.find);
    const found = document.createElement("output");
    bar.append(input, found);
    const home = box.closest(".scroll") ?? box;
    home.before(bar);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      const all = items();
      all.forEach((item) => {
        const text = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        shown += !item.hidden;
      });
      found.textContent = words.length ? `${shown} of ${all.length}` : "";
      box.querySelectorAll("details").forEach((details) => {
        const mine = Array.from(details.querySelectorAll(".item"));
        if (!mine.length) return;
        details.hidden = mine.every((item) => item.hidden);
        if (words.length && !details.hidden) details.open = true;
      });
    });
  });

  // Tails beside a tall bar: the height of a bar as the logarithm of its count. Colours share it as they share the count.
  const svg = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (n) => (n < 1e3 ? `${n}` : n < 1e6 ? `${n / 1e3}k` : n < 1e9 ? `${n / 1e6}M` : `${n / 1e9}G`);
  const byLogarithm = (chart) => {
    const [top, bottom, left, right] = ["top", "bottom", "left", "right"].map((name) => Number(chart.dataset[name]));
    const counts = (bin) => Array.from(bin.children, (bar) => Number(bar.dataset.count));
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const bins = Array.from(chart.querySelectorAll(".bin"));
    const most = Math.max(1, ...bins.map((bin) => sum(counts(bin))));
    const tall = (n) => (bottom - top) * Math.log10(1 + n) / Math.log10(1 + most);
    bins.forEach((bin) => {
      const numbers = counts(bin);
      const unit = tall(sum(numbers)) / sum(numbers);
      let y = bottom;
      numbers.forEach((n, i) => {
        y -= n * unit;
        bin.children[i].setAttribute("y", y);
        bin.children[i].setAttribute("height", n * unit);
      });
    });
    const ticks = [0];
    for (let n = 1; n <= most; n *= 10) ticks.push(n);
    chart.querySelector(".counts").replaceChildren(...ticks.flatMap((n) => {
      const y = bottom - tall(n);
      return [svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
        svg("text", { class: "r", x: left - 5, y: y + 3.5 }, short(n))];
    }));
  };
  document.querySelectorAll(".charts").forEach((charts) => {
    const all = Array.from(charts.querySelectorAll("svg.chart"));
    const asDrawn = all.map((chart) => chart.cloneNode(true));
    const button = document.createElement("button");
    button.type = "button";
    button.className = "scale";
    button.textContent = "Logarithmic counts";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", on);
      all.forEach((chart, i) => {
        if (on) byLogarithm(chart);
        else chart.replaceChildren(...asDrawn[i].cloneNode(true).childNodes);
      });
    });
    charts.before(button);
  });

  // Paper cannot be clicked: samples are open there, the long lists at the end stay as they are.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details.print:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => { opened.forEach((details) => { details.open = false; }); });
})();
