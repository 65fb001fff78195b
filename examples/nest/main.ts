/**
 * Lanes in front of a NestJS application.
 *
 *     npm install --no-save --prefix examples @nestjs/common @nestjs/core @nestjs/platform-express reflect-metadata rxjs
 *     node examples/nest/main.ts
 *
 * Node runs this file as it is, and knows no decorators yet: they are called here as functions. In a project that is
 * compiled, `Lane("bulk")` stands above its method as `@Lane("bulk")`.
 */

import "reflect-metadata";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Laneway } from "laneway";
import { Lane, LanewayModule } from "laneway/nest";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

class ShopController {
  pay(): string {
    return "paid";
  }

  async export(): Promise<string> {
    await sleep(50);
    return "exported";
  }
}
Controller("api")(ShopController);
for (const [method, ...decorators] of [
  ["pay", Get("pay")],
  ["export", Lane("bulk"), Get("export")],
] as const) {
  const descriptor = Object.getOwnPropertyDescriptor(ShopController.prototype, method)!;
  for (const decorator of decorators) decorator(ShopController.prototype, method, descriptor);
}

class AppModule {}
Module({ imports: [LanewayModule.forRoot({ laneway })], controllers: [ShopController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, "127.0.0.1");
const url = await app.getUrl();

// Nine exports at once, and somebody who pays.
const exports = Array.from({ length: 9 }, () => fetch(`${url}/api/export`));
const payment = await fetch(`${url}/api/pay`);
console.log(`payment: ${payment.status} in lane ${payment.headers.get("laneway-lane")}`);
const statuses = (await Promise.all(exports)).map(({ status }) => status);
console.log(`exports: ${statuses.join(" ")}`);
await app.close();
