import { assertEquals } from "@std/assert";
import { tercomTokens } from "../../src/metrics/tercom_tokenizer.ts";

const LINE = '"It\'s&amp;this" 世界，3.5-4. カタ！';

Deno.test("tercomTokens() treats a line as sacreBLEU's tokenizer does under each option", () => {
  const tokens = (options = {}) => tercomTokens(LINE, options).join(" ");
  assertEquals(tokens(), '"it\'s&amp;this" 世界，3.5-4. カタ！');
  assertEquals(tokens({ caseSensitive: true }), LINE);
  assertEquals(tokens({ normalized: true }), '" it \'s & this " 世界，3.5 - 4 . カタ！');
  assertEquals(
    tokens({ normalized: true, asianSupport: true }),
    '" it \'s & this " 世 界 ， 3.5 - 4 . カタ ！',
  );
  assertEquals(tokens({ noPunct: true }), "it's&ampthis 世界，35-4 カタ！");
  assertEquals(tokens({ noPunct: true, asianSupport: true }), "it's&ampthis 世界35-4 カタ");
});
