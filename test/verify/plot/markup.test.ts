import assert from "node:assert/strict";
import { test } from "node:test";
import { escaped, Markup, markup } from "../../../src/verify/plot/markup.ts";

test("what is put into markup is escaped, in text and in attributes, unless it is markup", () => {
  const name = `<script>alert("a & 'b'")</script>`;
  const { text } = markup`<td title="${name}">${markup`<b>${name}</b>`}</td>`;
  const safe = "&lt;script&gt;alert(&quot;a &amp; &#39;b&#39;&quot;)&lt;/script&gt;";
  assert.equal(text, `<td title="${safe}"><b>${safe}</b></td>`);
});

test("lists are joined, nothing is written for undefined, and numbers have two decimals at most", () => {
  const list = ["a", undefined, [markup`<i/>`, 1 / 3], new Markup("&amp;")];
  assert.equal(markup`<p>${list}</p>`.text, "<p>a<i/>0.33&amp;</p>");
});

test("a character that no document may hold is replaced", () => {
  assert.equal(escaped("a\u0000b\u001Bc\n\td\u007F"), "a\uFFFDb\uFFFDc\n\td\uFFFD");
});
