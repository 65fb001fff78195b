// Twenty exports and one payment share two seats: the payment starts at the next free one.
import { Resource } from "laneway";

const database = new Resource({
  name: "database",
  limit: 2,
  lanes: [{ name: "critical" }, { name: "bulk" }],
});
const order: string[] = [];
const work = async (name: string): Promise<void> => {
  order.push(name);
};

await Promise.all([
  ...Array.from({ length: 20 }, (_, n) => database.run(() => work(`export ${n}`), { lane: "bulk" })),
  database.run(() => work("payment"), { lane: "critical" }),
]);
console.log(`the payment came ${order.indexOf("payment") + 1}rd of ${order.length}`);
